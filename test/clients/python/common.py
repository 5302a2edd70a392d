"""What every client script shares: the gateway, a tool, a schema, and the report on standard output."""
import json
import os

BASE_URL = os.environ["IDLEWATT_CLIENT_BASE_URL"]
KEY = os.environ["IDLEWATT_KEY"]
MODEL = os.environ["IDLEWATT_CLIENT_MODEL"]
EMBEDDING_MODEL = os.environ["IDLEWATT_CLIENT_EMBEDDING_MODEL"]
ASK = [{"role": "user", "content": "What is the weather?"}]
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string", "enum": ["Bonn", "Paris"]}},
    "required": ["city"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "weather", "description": "Tells it.", "parameters": SCHEMA}}


def check_city(value):
    assert value in ("Bonn", "Paris"), value


def report(abilities):
    """Runs each ability and prints what happened; a failure is its first line."""
    for name, attempt in abilities.items():
        try:
            attempt()
            result = "ok"
        except Exception as error:  # every failure is a result
            result = f"{type(error).__name__}: {error}".split("\n")[0][:200]
        print(json.dumps({"ability": name, "result": result}), flush=True)
