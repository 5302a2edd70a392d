"""smolagents with its OpenAI model."""
import json

from common import BASE_URL, KEY, MODEL, SCHEMA, check_city, report
from smolagents import OpenAIModel, tool
from smolagents.models import agglomerate_stream_deltas

model = OpenAIModel(model_id=MODEL, api_base=BASE_URL, api_key=KEY, max_tokens=100)
ASK = [{"role": "user", "content": [{"type": "text", "text": "What is the weather?"}]}]


@tool
def weather(days: int) -> str:
    """Tells the weather.

    Args:
        days: How many days ahead.
    """
    return str(days)


def chat():
    assert model.generate(ASK).content


def stream():
    assert "".join(delta.content or "" for delta in model.generate_stream(ASK))


def tools():
    call = model.generate(ASK, tools_to_call_from=[weather]).tool_calls[0]
    assert call.function.name == "weather", call


def tools_streamed():
    deltas = list(model.generate_stream(ASK, tools_to_call_from=[weather]))
    call = agglomerate_stream_deltas(deltas).tool_calls[0]
    assert call.function.name == "weather" and isinstance(json.loads(call.function.arguments)["days"], int), call


def json_schema():
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    check_city(json.loads(model.generate(ASK, response_format=form).content)["city"])


def error():
    try:
        OpenAIModel(model_id="none", api_base=BASE_URL, api_key=KEY).generate(ASK)
    except Exception as caught:
        assert "404" in str(caught) or "model" in str(caught)
        return
    raise AssertionError("no error")


report({
    "chat": chat,
    "stream": stream,
    "tools": tools,
    "tools streamed": tools_streamed,
    "json schema": json_schema,
    "error": error,
})
