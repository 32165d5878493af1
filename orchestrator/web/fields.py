"""The kinds of text in requests, and the long tail of a patient's optional fields."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

LARGEST_ID = 2**63 - 1


def _without_nul(text: str) -> str:
    # PostgreSQL cannot keep it, and nobody typed it.
    if "\0" in text:
        raise ValueError("NUL characters cannot be kept")
    return text


def _blank_is_nothing(value: object) -> object:
    return None if isinstance(value, str) and not value.strip() else value


NoNul = AfterValidator(_without_nul)
Text = Annotated[str, NoNul]
Line = Annotated[str, StringConstraints(max_length=10_000), NoNul]
Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), NoNul]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^@\s]+@[^@\s]+$"), NoNul]
Query = Annotated[str, StringConstraints(strip_whitespace=True, min_length=2, max_length=200), NoNul]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Seconds = Annotated[int, Field(ge=0, le=2**31 - 1)]


class Body(BaseModel):
    """A request. Members that are not known or that only we write are ignored."""

    model_config = ConfigDict(extra="ignore", coerce_numbers_to_str=True, frozen=True)


class PatientFields(Body):
    """What can be known of a patient, all of it optional."""

    patient_id: Annotated[Word | None, BeforeValidator(_blank_is_nothing)] = None
    date_of_birth: Line | None = None
    gender: Line | None = None
    phone: Line | None = None
    email: Line | None = None
    address: Line | None = None
    emergency_contact: Line | None = None
    medical_history: Text | None = None
    notes: Text | None = None
    age: Annotated[Annotated[int, Field(ge=0, le=150)] | None, BeforeValidator(_blank_is_nothing)] = None
    residence: Line | None = None
    education: Line | None = None
    occupation: Line | None = None
    marital_status: Line | None = None
    date_of_assessment: Line | None = None
    current_medical_conditions: Line | None = None
    past_medical_conditions: Line | None = None
    current_medications: Line | None = None
    allergies: Line | None = None
    hospitalizations: Line | None = None
    previous_psychiatric_diagnoses: Line | None = None
    previous_psychiatric_treatment: Line | None = None
    previous_psychiatric_hospitalizations: Line | None = None
    suicide_self_harm_history: Line | None = None
    substance_use_history: Line | None = None
    psychiatric_illness_family: Line | None = None
    medical_illness_family: Line | None = None
    family_dynamics: Line | None = None
    significant_family_events: Line | None = None
    childhood_developmental_history: Line | None = None
    educational_history: Line | None = None
    occupational_history: Line | None = None
    relationship_history: Line | None = None
    social_support_system: Line | None = None
    living_situation: Line | None = None
    cultural_religious_background: Line | None = None
    chief_complaint: Line | None = None
    chief_complaint_description: Line | None = None
    illness_onset: Line | None = None
    illness_progression: Line | None = None
    previous_episodes: Line | None = None
    triggers: Line | None = None
    impact_on_functioning: Line | None = None
    mse_appearance: Line | None = None
    mse_behavior: Line | None = None
    mse_speech: Line | None = None
    mse_mood: Line | None = None
    mse_affect: Line | None = None
    mse_thought_process: Line | None = None
    mse_thought_content: Line | None = None
    mse_perception: Line | None = None
    mse_cognition: Line | None = None
    mse_insight: Line | None = None
    mse_judgment: Line | None = None
