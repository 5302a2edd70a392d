"""llama-index with its OpenAI-like model."""
from typing import Literal

import openai
from common import BASE_URL, EMBEDDING_MODEL, KEY, MODEL, check_city, report
from llama_index.core.llms import ChatMessage
from llama_index.core.tools import FunctionTool
from llama_index.embeddings.openai_like import OpenAILikeEmbedding
from llama_index.llms.openai import OpenAIResponses
from llama_index.llms.openai_like import OpenAILike
from pydantic import BaseModel

COMMON = {"api_base": BASE_URL, "api_key": KEY, "is_chat_model": True, "max_retries": 0, "context_window": 2_048}
model = OpenAILike(model=MODEL, is_function_calling_model=True, should_use_structured_outputs=True, max_tokens=100, **COMMON)
ASK = [ChatMessage(role="user", content="What is the weather?")]


class City(BaseModel):
    """A city."""

    city: Literal["Bonn", "Paris"]


def weather(city: Literal["Bonn", "Paris"]) -> str:
    """Tells the weather."""
    return city


def tools():
    answer = model.chat_with_tools([FunctionTool.from_defaults(weather)], user_msg="Weather?", tool_required=True)
    check_city(model.get_tool_calls_from_response(answer)[0].tool_kwargs["city"])


def tools_streamed():
    tool = FunctionTool.from_defaults(weather)
    answer = list(model.stream_chat_with_tools([tool], user_msg="Weather?", tool_required=True))[-1]
    check_city(model.get_tool_calls_from_response(answer)[0].tool_kwargs["city"])


def responses():
    made = OpenAIResponses(model=MODEL, api_base=BASE_URL, api_key=KEY, max_retries=0, max_output_tokens=16, context_window=2_048)
    assert made.chat(ASK).message.content


def embeddings():
    made = OpenAILikeEmbedding(model_name=EMBEDDING_MODEL, api_base=BASE_URL, api_key=KEY, max_retries=0)
    assert len(made.get_text_embedding_batch(["a", "b"])) == 2


def error():
    try:
        OpenAILike(model="none", **COMMON).chat(ASK)
    except openai.NotFoundError:
        return
    raise AssertionError("no NotFoundError")


def filled(text):
    assert text


report({
    "chat": lambda: filled(model.chat(ASK).message.content),
    "stream": lambda: filled("".join(chunk.delta or "" for chunk in model.stream_chat(ASK))),
    "tools": tools,
    "tools streamed": tools_streamed,
    "json schema": lambda: check_city(model.as_structured_llm(City).chat(ASK).raw.city),
    "responses": responses,
    "embeddings": embeddings,
    "error": error,
})
