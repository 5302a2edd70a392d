"""instructor: structured output by a tool and by a schema."""
from typing import Literal

import instructor
import openai
from common import ASK, BASE_URL, KEY, MODEL, check_city, report
from pydantic import BaseModel

plain = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)


class City(BaseModel):
    city: Literal["Bonn", "Paris"]


def with_mode(mode):
    client = instructor.from_openai(plain, mode=mode)
    check_city(client.chat.completions.create(model=MODEL, messages=list(ASK), response_model=City, max_retries=0).city)


def tools_streamed():
    client = instructor.from_openai(plain, mode=instructor.Mode.TOOLS)
    parts = list(client.chat.completions.create_partial(model=MODEL, messages=list(ASK), response_model=City, max_retries=0))
    check_city(parts[-1].city)


def chat():
    assert plain.chat.completions.create(model=MODEL, messages=ASK, max_tokens=9).choices


def error():
    try:
        instructor.from_openai(plain).chat.completions.create(model="none", messages=list(ASK), response_model=City, max_retries=0)
    except Exception as caught:
        assert "none" in str(caught) or "model" in str(caught), caught
        return
    raise AssertionError("no error")


report({
    "chat": chat,
    "tools": lambda: with_mode(instructor.Mode.TOOLS),
    "tools streamed": tools_streamed,
    "json schema": lambda: with_mode(instructor.Mode.JSON_SCHEMA),
    "responses": lambda: with_mode(instructor.Mode.RESPONSES_TOOLS),
    "error": error,
})
