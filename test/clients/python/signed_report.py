"""Prints what happened to each attempt; a failure is its first line."""
import json


def report(abilities):
    for name, attempt in abilities.items():
        try:
            attempt()
            result = "ok"
        except Exception as error:  # every failure is a result
            result = f"{type(error).__name__}: {error}".replace("\n", " ")[:300]
        print(json.dumps({"ability": name, "result": result}), flush=True)
