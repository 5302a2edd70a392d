"""pydantic-ai with its two OpenAI models."""
from typing import Literal

from common import BASE_URL, EMBEDDING_MODEL, KEY, MODEL, check_city, report
from pydantic import BaseModel
from pydantic_ai import Agent, Embedder, NativeOutput
from pydantic_ai.embeddings.openai import OpenAIEmbeddingModel
from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

provider = OpenAIProvider(base_url=BASE_URL, api_key=KEY)
model = OpenAIChatModel(MODEL, provider=provider)
SETTINGS = {"max_tokens": 100}


class City(BaseModel):
    city: Literal["Bonn", "Paris"]


def chat():
    assert Agent(model, model_settings=SETTINGS).run_sync("Hi").output


def stream():
    result = Agent(model, model_settings=SETTINGS).run_stream_sync("Hi")
    assert "".join(result.stream_text(delta=True))


def tools_streamed():
    result = Agent(model, output_type=City, model_settings=SETTINGS).run_stream_sync("Weather?")
    check_city(result.get_output().city)


def embeddings():
    made = Embedder(OpenAIEmbeddingModel(EMBEDDING_MODEL, provider=provider))
    assert len(made.embed_documents_sync(["a", "b"]).embeddings) == 2


def error():
    try:
        Agent(OpenAIChatModel("none", provider=provider)).run_sync("Hi")
    except ModelHTTPError as caught:
        assert caught.status_code == 404
        return
    raise AssertionError("no ModelHTTPError")


report({
    "chat": chat,
    "stream": stream,
    "tools": lambda: check_city(Agent(model, output_type=City, model_settings=SETTINGS).run_sync("Weather?").output.city),
    "tools streamed": tools_streamed,
    "json schema": lambda: check_city(Agent(model, output_type=NativeOutput(City), model_settings=SETTINGS).run_sync("Weather?").output.city),
    "responses": lambda: check_city(Agent(OpenAIResponsesModel(MODEL, provider=provider), output_type=City, model_settings=SETTINGS).run_sync("Weather?").output.city),
    "embeddings": embeddings,
    "error": error,
})
