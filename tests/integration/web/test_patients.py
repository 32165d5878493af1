"""Patients and sessions over HTTP, as the frontend knows them."""

from __future__ import annotations

PATIENT_MEMBERS = (
    "id patient_id full_name date_of_birth gender phone email address emergency_contact medical_history notes is_active "
    "created_at updated_at session_count age residence education occupation marital_status date_of_assessment "
    "current_medical_conditions past_medical_conditions current_medications allergies hospitalizations "
    "previous_psychiatric_diagnoses previous_psychiatric_treatment previous_psychiatric_hospitalizations "
    "suicide_self_harm_history substance_use_history psychiatric_illness_family medical_illness_family family_dynamics "
    "significant_family_events childhood_developmental_history educational_history occupational_history "
    "relationship_history social_support_system living_situation cultural_religious_background chief_complaint "
    "chief_complaint_description illness_onset illness_progression previous_episodes triggers impact_on_functioning "
    "mse_appearance mse_behavior mse_speech mse_mood mse_affect mse_thought_process mse_thought_content mse_perception "
    "mse_cognition mse_insight mse_judgment"
).split()
SESSION_MEMBERS = (
    "id patient_id session_number session_date duration language original_transcription translated_transcription "
    "translation_language audio_file_path audio_file_size notes diagnosis treatment_plan is_completed created_at "
    "updated_at notes_metadata"
).split()


async def test_every_member_of_a_patient(ann):
    """All fields go in and come out, flat; those never given are null, not missing."""
    texts = {name: f"about {name}" for name in PATIENT_MEMBERS[9:] if name.startswith(("mse", "illness", "family"))}
    added = await ann.post("/patients/", {"full_name": "Pat", "age": "41", "phone": 555, **texts})
    patient = added.body["patient"]
    assert set(PATIENT_MEMBERS) <= set(patient)
    assert patient["age"] == 41
    assert patient["phone"] == "555"
    assert texts.items() <= patient.items()
    assert patient["allergies"] is None
    assert patient["patient_id"]


async def test_patients_newest_first_and_inactive_ones_hidden(ann):
    """The list is newest first; DELETE deactivates and erases nothing."""
    first, second = await ann.patient(), await ann.patient()
    listed = await ann.get("/patients/?active_only=true")
    assert (listed.body["count"], [one["id"] for one in listed.body["patients"]]) == (2, [second, first])
    assert (await ann.delete(f"/patients/{first}")).body["success"] is True
    assert [one["id"] for one in (await ann.get("/patients")).body["patients"]] == [second]
    everyone = await ann.get("/patients/?active_only=false")
    assert [one["id"] for one in everyone.body["patients"]] == [second, first]
    assert (await ann.get(f"/patients/{first}")).body["patient"]["is_active"] is False


async def test_changing_a_patient(ann):
    """What is not sent stays; null clears; a patient ID is unique for its therapist only."""
    patient = await ann.patient(patient_id="P-1", gender="f", allergies="nuts")
    changed = await ann.put(f"/patients/{patient}", {"gender": "female", "allergies": None})
    shown = changed.body["patient"]
    assert (shown["gender"], shown["allergies"], shown["full_name"]) == ("female", None, "Pat Example")
    taken = await ann.post("/patients/", {"full_name": "B", "patient_id": "P-1"})
    assert taken.status == 400
    other = await ann.patient(patient_id="P-2")
    assert (await ann.put(f"/patients/{other}", {"patient_id": "P-1"})).status == 400


async def test_a_patient_id_tells_nothing_about_others(ann, ben):
    """Two therapists can use the same one."""
    await ann.patient(patient_id="P-1")
    await ben.patient(patient_id="P-1")


async def test_search(ann, ben):
    """A part of a name, phone or patient ID finds; best first; positions point into the field; others' stay unseen."""
    await ann.patient(full_name="Joanna Smith", phone="555-0199")
    await ann.patient(full_name="Anna Bell", patient_id="AN-7")
    await ben.patient(full_name="Annabel Private")
    found = (await ann.get("/patients/search?q=ann")).body
    assert [result["patient"]["full_name"] for result in found["results"]] == ["Anna Bell", "Joanna Smith"]
    assert (found["count"], found["query"], found["query_type"]) == (2, "ann", "name")
    assert found["results"][1]["match_positions"] == [{"start": 2, "end": 5}]
    phone = (await ann.get("/patients/search?q=5550")).body["results"][0]
    assert (phone["match_field"], phone["match_positions"]) == ("phone", [{"start": 0, "end": 5}])
    assert (await ann.get("/patients/search?q=an-7")).body["results"][0]["match_field"] == "patient_id"


async def test_sessions_of_a_patient(ann):
    """Numbers count per patient, the list is newest first, and a patient can be shown with them."""
    patient = await ann.patient()
    first = await ann.session(patient_id=patient, duration=3000)
    second = await ann.session(patient_id=patient)
    listed = (await ann.get(f"/sessions/patient/{patient}")).body
    assert [(one["id"], one["session_number"]) for one in listed["sessions"]] == [(second, 2), (first, 1)]
    assert set(SESSION_MEMBERS) <= set(listed["sessions"][0])
    assert listed["sessions"][1]["duration"] == 3000
    whole = (await ann.get(f"/patients/{patient}?include_sessions=true")).body["patient"]
    assert [one["id"] for one in whole["sessions"]] == [second, first]
    assert whole["session_count"] == 2


async def test_changing_a_session(ann):
    """What is not sent stays, and members that we alone write are ignored."""
    session = await ann.session(duration=60)
    body = {"diagnosis": "F32.1", "is_completed": True, "session_number": 9, "translated_transcription": "Hallo"}
    changed = (await ann.put(f"/sessions/{session}", body)).body["session"]
    assert (changed["diagnosis"], changed["is_completed"], changed["session_number"]) == ("F32.1", True, 1)
    assert (changed["duration"], changed["translated_transcription"]) == (60, "Hallo")


async def test_a_deleted_session_is_out_of_sight(ann):
    """It is 404 everywhere, and its number is not given again."""
    patient = await ann.patient()
    session = await ann.session(patient_id=patient)
    assert (await ann.delete(f"/sessions/{session}")).body["success"] is True
    assert (await ann.get(f"/sessions/{session}")).status == 404
    assert (await ann.get(f"/patients/{patient}")).body["patient"]["session_count"] == 0
    again = await ann.session(patient_id=patient)
    assert (await ann.shown(again))["session_number"] == 2
