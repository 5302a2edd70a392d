"""AI Horde's own library: validates what the worker sends, and that the server of our tests answers as it should."""
import json
import os

from horde_sdk.ai_horde_api.apimodels import (
    ModifyWorkerRequest,
    ModifyWorkerResponse,
    TextGenerateJobPopRequest,
    TextGenerateJobPopResponse,
    TextGenerationJobSubmitRequest,
)

EXCHANGES = json.loads(os.environ["IDLEWATT_CLIENT_HORDE_EXCHANGES"])


def validate(path, request_class, response_class, **more):
    found = [each for each in EXCHANGES if each["path"] == path]
    assert found, "nothing was sent to " + path
    for each in found:
        request_class.model_validate({**each["body"], **more})
        unknown = set(each["body"]) - {field.alias or name for name, field in request_class.model_fields.items()}
        # The API document has it; the library's request lacks it.
        assert unknown <= {"seed", "extra_slow_worker"}, unknown
        # Without a job, the real server was seen to leave the payload out, which the library requires.
        if response_class is not None and each["answer"].get("id", "") is not None:
            response_class.model_validate(each["answer"])


def report(abilities):
    for name, attempt in abilities.items():
        try:
            attempt()
            result = "ok"
        except Exception as error:  # every failure is a result
            result = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        print(json.dumps({"ability": name, "result": result}), flush=True)


report(
    {
        "pop": lambda: validate("/api/v2/generate/text/pop", TextGenerateJobPopRequest, TextGenerateJobPopResponse),
        "submit": lambda: validate("/api/v2/generate/text/submit", TextGenerationJobSubmitRequest, None),
        "maintenance": lambda: validate(
            "/api/v2/workers/00000000-0000-4000-8000-000000000001",
            ModifyWorkerRequest,
            ModifyWorkerResponse,
            worker_id="00000000-0000-4000-8000-000000000001",
        ),
    }
)
