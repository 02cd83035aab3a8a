"""What schemathesis cannot know of this description: bodies of lines, and keys that stand for a content."""

import hashlib

import schemathesis


@schemathesis.serializer("application/jsonl")
def lines(ctx, value):
    """A body of lines is a text, and described as one."""
    return value.encode() if isinstance(value, str) else str(value).encode()


@schemathesis.hook
def before_call(ctx, case, kwargs):
    """Of a question that is to be taken, what nobody can make up from its description alone."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    # Names of fields of the answer, and tokens of pages: whether they are read right is tried elsewhere.
    for name in ("fields", "page_token"):
        (case.query or {}).pop(name, None)
    # The same key with another content is refused, and keys are made up over and over: each becomes one of its content.
    key = (case.headers or {}).get("Idempotency-Key")
    if key:
        content = repr((case.operation.label, case.path_parameters, case.query, case.body))
        case.headers["Idempotency-Key"] = hashlib.sha256(content.encode()).hexdigest()
