"""What an ordinary Python program does with the official client. Prints one JSON object; exits 1 where something is wrong."""

import json
import os
import sys

from openai import APIStatusError, OpenAI

client = OpenAI(base_url=os.environ["BASE_URL"], api_key=os.environ["API_KEY"], max_retries=0, timeout=20)
model = os.environ["MODEL"]
messages = [{"role": "user", "content": "Good morning"}]

chat = client.chat.completions.create(model=model, messages=messages)
chunks = list(
    client.chat.completions.create(model=model, messages=messages, stream=True, stream_options={"include_usage": True})
)
response = client.responses.create(model=model, input="Good morning")
with client.responses.stream(model=model, input="Good morning") as stream:
    events = [event.type for event in stream]
    streamed = stream.get_final_response()

parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tool = {"type": "function", "function": {"name": "get_weather", "parameters": parameters}}
call = client.chat.completions.create(
    model=model, messages=[{"role": "user", "content": "Please use get_weather for Oslo"}], tools=[tool]
)

try:
    client.with_options(api_key="tp-wrong").models.list()
    refused = None
except APIStatusError as error:
    refused = error.status_code

json.dump(
    {
        "chat": chat.choices[0].message.content,
        "chatTokens": chat.usage.total_tokens,
        "streamed": "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices),
        "streamedTokens": chunks[-1].usage.total_tokens,
        "response": response.output_text,
        "responseStreamed": streamed.output_text,
        "lastEvent": events[-1],
        "tool": call.choices[0].message.tool_calls[0].function.name,
        "models": [entry.id for entry in client.models.list()],
        "refused": refused,
    },
    sys.stdout,
)
