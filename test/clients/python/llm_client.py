"""Simon Willison's llm with its OpenAI models."""
import json
import os
from typing import Literal

from common import BASE_URL, EMBEDDING_MODEL, KEY, MODEL, SCHEMA, check_city, report
from llm import Tool
from llm.default_plugins.openai_models import Chat, OpenAIEmbeddingModel, Responses

# Its embedding models have no option for the address.
os.environ["OPENAI_BASE_URL"] = BASE_URL


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


def weather(city: Literal["Bonn", "Paris"]) -> str:
    """Tells the weather."""
    return city


class Forced(Chat):
    """llm never forces a call, and the tiny model makes none of itself."""

    def build_kwargs(self, prompt, stream):
        return {**super().build_kwargs(prompt, stream), "tool_choice": "required", "parallel_tool_calls": False}


def tools(stream):
    forced = Forced(MODEL, model_name=MODEL, api_base=BASE_URL, supports_tools=True)
    tool = Tool(name="weather", description="Tells it.", input_schema=SCHEMA, implementation=weather)
    answer = forced.prompt("Weather?", tools=[tool], stream=stream, max_tokens=100, key=KEY)
    check_city(answer.tool_calls()[0].arguments["city"])
    check_city(answer.execute_tool_calls()[0].output)


def responses():
    made = Responses(MODEL, model_name=MODEL, api_base=BASE_URL)
    assert made.prompt("Hi", stream=False, key=KEY).text()


def embeddings():
    made = OpenAIEmbeddingModel(EMBEDDING_MODEL, EMBEDDING_MODEL)
    assert len(list(made.embed_batch(["a", "b"], key=KEY))) == 2


def error():
    try:
        model("none").prompt("Hi", stream=False, key=KEY).text()
    except Exception as caught:
        assert "model" in str(caught)
        return
    raise AssertionError("no error")


report({
    "chat": chat,
    "stream": stream,
    "tools": lambda: tools(False),
    "tools streamed": lambda: tools(True),
    "json schema": json_schema,
    "responses": responses,
    "embeddings": embeddings,
    "error": error,
})
