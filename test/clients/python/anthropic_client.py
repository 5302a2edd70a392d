"""Anthropic's library for Python."""
import anthropic
from common import BASE_URL, KEY, MODEL, SCHEMA, check_city, report

client = anthropic.Anthropic(base_url=BASE_URL.removesuffix("/v1"), api_key=KEY, max_retries=0)
ASK = [{"role": "user", "content": "What is the weather?"}]
TOOL = {"name": "weather", "description": "Tells it.", "input_schema": SCHEMA}
FORCED = {"type": "tool", "name": "weather", "disable_parallel_tool_use": True}


def create(**more):
    return client.messages.create(**{"model": MODEL, "max_tokens": 100, "messages": ASK, **more})


def chat():
    assert create(max_tokens=9).content[0].text


def stream():
    with client.messages.stream(model=MODEL, max_tokens=9, messages=ASK) as events:
        assert "".join(events.text_stream)


def tools():
    answer = create(tools=[TOOL], tool_choice=FORCED)
    assert answer.stop_reason == "tool_use"
    check_city(answer.content[-1].input["city"])
    result = {"type": "tool_result", "tool_use_id": answer.content[-1].id, "content": "rain"}
    history = ASK + [{"role": "assistant", "content": answer.content}, {"role": "user", "content": [result]}]
    assert create(messages=history, tools=[TOOL], max_tokens=9).content


def tools_streamed():
    with client.messages.stream(model=MODEL, max_tokens=100, messages=ASK, tools=[TOOL], tool_choice=FORCED) as events:
        check_city(events.get_final_message().content[-1].input["city"])


def error():
    try:
        create(model="none")
    except anthropic.NotFoundError as caught:
        assert caught.request_id
        return
    raise AssertionError("no NotFoundError")


report({"chat": chat, "stream": stream, "tools": tools, "tools streamed": tools_streamed, "error": error})
