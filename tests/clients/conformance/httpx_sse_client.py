"""Reads one event stream with the package httpx-sse, and prints each event that it decodes as a line of JSON."""

import json
import sys

import httpx
from httpx_sse import connect_sse

with httpx.Client(timeout=60) as client, connect_sse(client, "GET", sys.argv[1]) as source:
    for event in source.iter_sse():
        print(json.dumps({"event": event.event, "data": event.data, "id": event.id}))
