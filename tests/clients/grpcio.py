"""Calls of grpcio, messages as hexadecimal bytes. A line for each answer, and then the code and the message of the status.

python grpcio.py HOST:PORT TOKEN one|out|in SERVICE/METHOD QUESTION..
"""

import sys

import grpc

address, token, kind, method, *questions = sys.argv[1:]
metadata = [("authorization", f"Bearer {token}")] if token else []
form = {"request_serializer": bytes.fromhex, "response_deserializer": bytes.hex}
with grpc.insecure_channel(address) as channel:
    ways = {"one": channel.unary_unary, "out": channel.unary_stream, "in": channel.stream_unary}
    call = ways[kind](f"/{method}", **form)
    question = iter(questions) if kind == "in" else questions[0]
    try:
        answers = call(question, metadata=metadata, timeout=60)
        for answer in answers if kind == "out" else [answers]:
            print(answer)
        print(0, "")
    except grpc.RpcError as error:
        print(error.code().value[0], error.details())
