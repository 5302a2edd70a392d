"""Simon Willison's llm with its OpenAI models."""
import json

from common import BASE_URL, KEY, MODEL, SCHEMA, check_city, report
from llm.default_plugins.openai_models import Chat


def model(name=MODEL, can_stream=True):
    made = Chat(name, model_name=name, api_base=BASE_URL, can_stream=can_stream, supports_schema=True)
    made.key = KEY
    return made


def chat():
    assert model().prompt("Hi", stream=False, max_tokens=9, key=KEY).text()


def stream():
    assert "".join(model().prompt("Hi", max_tokens=9, key=KEY))


def json_schema():
    check_city(json.loads(model().prompt("Weather?", schema=SCHEMA, stream=False, key=KEY).text())["city"])


def error():
    try:
        model("none").prompt("Hi", stream=False, key=KEY).text()
    except Exception as caught:
        assert "model" in str(caught)
        return
    raise AssertionError("no error")


report({"chat": chat, "stream": stream, "json schema": json_schema, "error": error})
