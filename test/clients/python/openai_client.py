"""OpenAI's library for Python."""
import json

import openai
from common import ASK, BASE_URL, EMBEDDING_MODEL, KEY, MODEL, SCHEMA, TOOL, check_city, report
from pydantic import BaseModel
from typing import Literal

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)


class City(BaseModel):
    city: Literal["Bonn", "Paris"]


def chat():
    assert client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9).choices[0].message.content


def stream():
    chunks = client.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def tools():
    answer = client.chat.completions.create(model=MODEL, messages=ASK, tools=[TOOL], tool_choice="required", parallel_tool_calls=False)
    call = answer.choices[0].message.tool_calls[0]
    check_city(json.loads(call.function.arguments)["city"])
    history = ASK + [answer.choices[0].message, {"role": "tool", "tool_call_id": call.id, "content": "rain"}]
    assert client.chat.completions.create(model=MODEL, messages=history, tools=[TOOL], max_tokens=9).choices


def tools_streamed():
    choice = {"type": "function", "function": {"name": "weather"}}
    with client.chat.completions.stream(model=MODEL, messages=ASK, tools=[TOOL], tool_choice=choice, parallel_tool_calls=False) as chunks:
        for _ in chunks:
            pass
        call = chunks.get_final_completion().choices[0].message.tool_calls[0]
    check_city(json.loads(call.function.arguments)["city"])


def json_schema():
    check_city(client.chat.completions.parse(model=MODEL, messages=ASK, response_format=City).choices[0].message.parsed.city)


def responses():
    assert client.responses.create(model=MODEL, input="Hi", max_output_tokens=16).output_text
    with client.responses.stream(model=MODEL, input="Hi", text_format=City) as events:
        for _ in events:
            pass
        check_city(events.get_final_response().output_parsed.city)


def embeddings():
    vectors = client.embeddings.create(model=EMBEDDING_MODEL, input=["a", "b"]).data
    assert len(vectors) == 2 and len(vectors[0].embedding) == len(vectors[1].embedding) > 8


def error():
    for kind, body in ((openai.NotFoundError, {"model": "none"}), (openai.BadRequestError, {"model": MODEL, "max_tokens": 99_999})):
        try:
            client.chat.completions.create(messages=ASK, **body)
        except kind as caught:
            assert caught.request_id
            continue
        raise AssertionError(kind)


report({
    "chat": chat, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "json schema": json_schema,
    "responses": responses, "embeddings": embeddings, "error": error,
})
