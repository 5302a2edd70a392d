"""litellm with its OpenAI-compatible provider."""
import json

import litellm
from common import ASK, BASE_URL, EMBEDDING_MODEL, KEY, MODEL, SCHEMA, TOOL, check_city, report

litellm.suppress_debug_info = True
COMMON = {"model": f"openai/{MODEL}", "api_base": BASE_URL, "api_key": KEY, "num_retries": 0}


def complete(**more):
    return litellm.completion(messages=ASK, **COMMON, **more)


def chat():
    assert complete(max_tokens=9).choices[0].message.content


def stream():
    assert "".join(chunk.choices[0].delta.content or "" for chunk in complete(max_tokens=9, stream=True))


def tools():
    call = complete(tools=[TOOL], tool_choice="required", parallel_tool_calls=False).choices[0].message.tool_calls[0]
    check_city(json.loads(call.function.arguments)["city"])


def tools_streamed():
    chunks = list(complete(tools=[TOOL], tool_choice={"type": "function", "function": {"name": "weather"}}, parallel_tool_calls=False, stream=True))
    call = litellm.stream_chunk_builder(chunks, messages=ASK).choices[0].message.tool_calls[0]
    check_city(json.loads(call.function.arguments)["city"])


def json_schema():
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": SCHEMA, "strict": True}}
    check_city(json.loads(complete(response_format=form).choices[0].message.content)["city"])


def responses():
    answer = litellm.responses(input="Hi", max_output_tokens=16, **COMMON)
    assert answer.output


def embeddings():
    assert len(litellm.embedding(input=["a", "b"], encoding_format="float", **{**COMMON, "model": f"openai/{EMBEDDING_MODEL}"}).data) == 2


def error():
    try:
        complete(max_tokens=99_999)
    except litellm.ContextWindowExceededError:
        return
    raise AssertionError("no ContextWindowExceededError")


report({
    "chat": chat, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "json schema": json_schema,
    "responses": responses, "embeddings": embeddings, "error": error,
})
