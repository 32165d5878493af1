"""The bodies of requests and responses as the frontend knows them; never tables, never the domain's own types."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads it
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, Field, SecretStr

from orchestrator.domain import records  # noqa: TC001 - pydantic reads it
from orchestrator.web.fields import Body, Email, Id, Line, PatientFields, Query, Seconds, Text, Word


class Nothing(Body):
    """A request without a body."""


# --- accounts -------------------------------------------------------------------------------------------------------


class Register(Body):
    """An account to open."""

    email: Email
    username: Word
    password: Annotated[SecretStr, Field(min_length=8, max_length=1024)]
    full_name: Word
    license_number: Word
    specialization: Line | None = None
    phone: Line | None = None


class Login(Body):
    """A form. The username may also be the e-mail address."""

    username: Annotated[str, Field(max_length=1024)]
    password: Annotated[SecretStr, Field(max_length=1024)]


class Therapist(BaseModel):
    """An account."""

    id: int
    email: str
    username: str
    full_name: str
    license_number: str
    specialization: str | None
    phone: str | None
    is_active: bool
    is_verified: bool
    created_at: datetime
    patient_count: int

    @classmethod
    def of(cls, therapist: records.Therapist) -> Self:
        """As the frontend sees it."""
        return cls(**{name: getattr(therapist, name) for name in cls.model_fields})


class TherapistReply(BaseModel):
    """An account."""

    success: bool = True
    message: str | None = None
    therapist: Therapist


class LoginReply(BaseModel):
    """A token, to be sent as ``Authorization: Bearer``."""

    access_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - a kind, not a token
    therapist: Therapist


class Done(BaseModel):
    """It is done."""

    success: bool = True
    message: str


# --- sessions and notes ---------------------------------------------------------------------------------------------


class NotesMetadata(BaseModel):
    """Whose a note is, derived from its versions."""

    is_ai_generated: bool
    edited_from_ai: bool
    generated_at: datetime | None
    last_edited_at: datetime | None
    origin: str | None  # ai, ai_edited, human or fallback


class Session(BaseModel):
    """A session with its current transcript and note."""

    id: int
    patient_id: int
    session_number: int
    session_date: datetime
    duration: int | None
    language: str
    original_transcription: str | None
    translated_transcription: str | None
    translation_language: str | None
    audio_file_path: str | None = None
    audio_file_size: int | None = None
    notes: str | None
    diagnosis: str | None
    treatment_plan: str | None
    is_completed: bool
    created_at: datetime
    updated_at: datetime
    notes_metadata: NotesMetadata

    @classmethod
    def of(cls, session: records.Session) -> Self:
        """As the frontend sees it."""
        written = session.authorship
        metadata = {name: getattr(written, name) for name in written.__dataclass_fields__}
        renamed = {"original_transcription", "notes_metadata", "audio_file_path", "audio_file_size"}
        return cls(
            **{name: getattr(session, name) for name in cls.model_fields if name not in renamed},
            original_transcription=session.transcript,
            notes_metadata=NotesMetadata(**metadata, origin=session.origin),
        )


class NewSession(Body):
    """A session to open."""

    patient_id: Id
    language: Word = "english"
    duration: Seconds | None = None
    original_transcription: Text | None = None
    notes: Text | None = None


class SessionChanges(Body):
    """What to change; members that are not sent stay as they are."""

    duration: Seconds | None = None
    language: Word | None = None
    original_transcription: Text | None = None
    translated_transcription: Text | None = None
    translation_language: Line | None = None
    notes: Text | None = None
    diagnosis: Text | None = None
    treatment_plan: Text | None = None
    is_completed: bool | None = None


class SessionReply(BaseModel):
    """A session."""

    success: bool = True
    message: str | None = None
    session: Session


class SessionsReply(BaseModel):
    """A patient's sessions, newest first."""

    success: bool = True
    count: int
    sessions: list[Session]


class Generate(Body):
    """``regenerate`` lets a new note take the place of the one that is there, which stays as a version."""

    regenerate: bool = False


class GenerateReply(BaseModel):
    """The session's note after a generation.

    Where the model failed, an extract is kept as a version, and ``generated_notes`` is the better note that stayed current.
    """

    success: bool = True
    message: str | None = None
    session_id: int
    generated_notes: str
    can_edit: bool = True
    inference_time: float  # seconds
    origin: str  # of the version just written: ai or fallback
    version: int
    is_current: bool  # is the version just written the one shown?
    coverage: float  # share of the turns that the model was shown
    note: dict[str, Any]  # the version just written, as data


class StillWriting(BaseModel):
    """The note takes longer than a caller should wait. It is being written and will be stored."""

    success: bool = False
    detail: str
    message: str
    session_id: int
    look_again_seconds: float


class EditNotes(Body):
    """A note as its therapist wants it. The two flags are hints at most: whose it is, the versions say."""

    notes: Text
    is_ai_generated: bool | None = False
    edited_from_ai: bool | None = False


class Flags(BaseModel):
    """Whose the note is."""

    is_ai_generated: bool
    edited_from_ai: bool


class NotesReply(BaseModel):
    """The note as it is kept."""

    success: bool = True
    session_id: int
    notes: str
    updated_at: datetime
    notes_metadata: Flags


class NoteVersion(BaseModel):
    """One version of a note."""

    number: int
    origin: str
    notes: str
    revision_id: int | None
    author_id: int
    based_on: int | None
    created_at: datetime
    is_current: bool


class VersionsReply(BaseModel):
    """Every version of a session's note, newest first."""

    success: bool = True
    session_id: int
    count: int
    versions: list[NoteVersion]


class Summarize(Body):
    """Whose sessions to summarize."""

    patient_id: Id


class SummaryReply(BaseModel):
    """A summary over a patient's sessions; without any session ``success`` is false and ``message`` says so."""

    success: bool = True
    summary: str | None = None
    session_count: int | None = None
    key_points: list[str] | None = None
    message: str | None = None


# --- patients -------------------------------------------------------------------------------------------------------


class NewPatient(PatientFields):
    """A patient to add. Without a ``patient_id`` one is made up."""

    full_name: Word


class PatientChanges(PatientFields):
    """What to change; members that are not sent stay as they are."""

    full_name: Word | None = None
    is_active: bool | None = None


class Patient(PatientFields):
    """A patient."""

    id: int
    patient_id: str
    full_name: str
    is_active: bool
    created_at: datetime
    updated_at: datetime
    session_count: int
    sessions: list[Session] | None = None

    @classmethod
    def of(cls, patient: records.Patient) -> Patient:
        """As the frontend sees it: flat."""
        own = {name: getattr(patient, name) for name in patient.__dataclass_fields__ if name != "details"}
        return cls.model_construct(**{**patient.details, **own})


class PatientReply(BaseModel):
    """A patient."""

    success: bool = True
    message: str | None = None
    patient: Patient


class PatientsQuery(Body):
    """Which patients."""

    active_only: bool = True


class PatientQuery(Body):
    """What of the patient."""

    include_sessions: bool = False


class PatientsReply(BaseModel):
    """Patients, newest first."""

    success: bool = True
    count: int
    patients: list[Patient]


class SearchQuery(Body):
    """A part of a name, phone number or patient ID."""

    q: Query


class Position(BaseModel):
    """Where the query stands in the field: code points, end exclusive."""

    start: int
    end: int


class SearchResult(BaseModel):
    """A patient that matches."""

    patient: Patient
    relevance_score: float
    match_field: Literal["name", "phone", "patient_id"]
    match_positions: list[Position]


class SearchReply(BaseModel):
    """What was found, best first."""

    success: bool = True
    query: str
    query_type: str
    count: int
    results: list[SearchResult]


# --- the server itself ----------------------------------------------------------------------------------------------


class Health(BaseModel):
    """How the server does."""

    status: Literal["healthy", "degraded"]
    version: str
    database: Literal["connected", "unavailable"]
    model_loaded: bool
    model_name: str | None
    model_size_mb: float | None
    uptime_seconds: float
    total_inferences: int
    success_rate: float  # 0 to 1; 1 before the first
    avg_inference_time_seconds: float


class Ready(BaseModel):
    """Whether a note can be written now."""

    ready: bool
    database: bool
    model: bool


class Version(BaseModel):
    """What runs here."""

    name: str = "sessionscribe"
    version: str
    python: str
