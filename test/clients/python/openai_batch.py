"""OpenAI's library for Python: files and batches."""
import json
import time

import openai
from common import ASK, BASE_URL, KEY, MODEL, report

client = openai.OpenAI(base_url=BASE_URL, api_key=KEY, max_retries=0)
ENDPOINT = "/v1/chat/completions"


def lines(count):
    body = {"model": MODEL, "messages": ASK, "max_tokens": 9}
    return [{"custom_id": f"line-{index}", "method": "POST", "url": ENDPOINT, "body": body} for index in range(count)]


def upload(content):
    return client.files.create(file=("lines.jsonl", content), purpose="batch")


def batch():
    content = "".join(json.dumps(line) + "\n" for line in lines(3)).encode()
    job = client.batches.create(input_file_id=upload(content).id, endpoint=ENDPOINT, completion_window="24h")
    while job.status not in ("completed", "failed", "expired", "cancelled"):
        time.sleep(0.1)
        job = client.batches.retrieve(job.id)
    assert job.status == "completed" and job.request_counts.completed == 3, job
    answers = [json.loads(line) for line in client.files.content(job.output_file_id).text.splitlines()]
    assert sorted(answer["custom_id"] for answer in answers) == ["line-0", "line-1", "line-2"]


def files():
    file = upload(b"{}\n")
    assert file.id in [each.id for each in client.files.list(purpose="batch")]
    assert client.files.content(file.id).read() == b"{}\n"
    assert client.files.delete(file.id).deleted
    try:
        client.files.retrieve(file.id)
    except openai.NotFoundError:
        return
    raise AssertionError("the file is still there")


report({"batch": batch, "files": files})
