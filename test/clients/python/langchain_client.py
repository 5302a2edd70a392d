"""LangChain for Python."""
from typing import Literal

import openai
from common import BASE_URL, EMBEDDING_MODEL, KEY, MODEL, TOOL, check_city, report
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

model = ChatOpenAI(model=MODEL, base_url=BASE_URL, api_key=KEY, max_retries=0, max_tokens=200)


class City(BaseModel):
    city: Literal["Bonn", "Paris"]


def filled(text):
    assert text


def tools():
    call = model.bind_tools([TOOL], tool_choice="required", parallel_tool_calls=False).invoke("Weather?").tool_calls[0]
    check_city(call["args"]["city"])


def tools_streamed():
    whole = None
    for chunk in model.bind_tools([TOOL], tool_choice="weather").stream("Weather?"):
        whole = chunk if whole is None else whole + chunk
    check_city(whole.tool_calls[0]["args"]["city"])


def embeddings():
    made = OpenAIEmbeddings(model=EMBEDDING_MODEL, base_url=BASE_URL, api_key=KEY, check_embedding_ctx_length=False)
    assert len(made.embed_documents(["a", "b"])) == 2


def responses():
    other = ChatOpenAI(model=MODEL, base_url=BASE_URL, api_key=KEY, max_retries=0, use_responses_api=True, max_tokens=16)
    assert other.invoke("Hi").content


def error():
    try:
        ChatOpenAI(model="none", base_url=BASE_URL, api_key=KEY, max_retries=0).invoke("Hi")
    except openai.NotFoundError:
        return
    raise AssertionError("no NotFoundError")


report({
    "chat": lambda: filled(model.invoke("Hi").content),
    "stream": lambda: filled("".join(chunk.content for chunk in model.stream("Hi"))),
    "tools": tools,
    "tools streamed": tools_streamed,
    "json schema": lambda: check_city(model.with_structured_output(City).invoke("Weather?").city),
    "responses": responses,
    "embeddings": embeddings,
    "error": error,
})
