"""Notices that objects were put into public buckets, from a queue of AWS that is subscribed to their topics.

A hint and no more: what a notice names is looked for at once, and nothing is believed that was not seen. What is lost,
late or forged costs nothing but a look.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from urllib.parse import unquote_plus, urlsplit

from tasks.clock import Clock

LONG_POLL = 20
"""Seconds that SQS keeps a question open; the most it does."""
AT_ONCE = 10
"""Messages; the most that SQS gives."""
FIRST_REST, LONGEST_REST = 5.0, 300.0


class Notices:
    """Listens to the queue at `url` and gives the key of every object to `hear`; `say` is told when that fails."""

    def __init__(self, url: str, hear: Callable[[str], None], say: Callable[[str], None], clock: Clock) -> None:
        self._url, self._hear, self._say, self._clock = url, hear, say, clock

    async def listen(self) -> None:
        """For ever, or until it is cancelled. Whatever the queue does is said and tried again."""
        # 1.1 s of CPU and 30 MB, for whoever has a queue.
        from aiohttp import ClientError as HttpError
        from botocore.exceptions import BotoCoreError, ClientError

        rest = FIRST_REST
        while True:
            try:
                async with self._client() as queue:
                    while True:
                        await self._receive(queue)
                        if rest > FIRST_REST:
                            self._say("notices: the queue answers again")
                        rest = FIRST_REST
            except (BotoCoreError, ClientError, HttpError, OSError) as error:
                if rest == FIRST_REST:
                    self._say(f"notices: {self._url} cannot be read, looking goes on without: {error}")
                rest = min(LONGEST_REST, 2 * rest)
            await self._clock.sleep(rest)

    def _client(self) -> AbstractAsyncContextManager[Any]:
        from aiobotocore.config import AioConfig
        from aiobotocore.session import get_session

        # https://sqs.us-east-1.amazonaws.com/123456789012/name
        parts = (urlsplit(self._url).hostname or "").split(".")
        region = parts[1] if parts[0] == "sqs" and len(parts) > 2 else None
        config = AioConfig(connect_timeout=10, read_timeout=LONG_POLL + 10, retries={"max_attempts": 1})
        client: AbstractAsyncContextManager[Any] = get_session().create_client("sqs", region_name=region, config=config)
        return client

    async def _receive(self, queue: Any) -> None:
        answer = await queue.receive_message(QueueUrl=self._url, MaxNumberOfMessages=AT_ONCE, WaitTimeSeconds=LONG_POLL)
        messages = answer.get("Messages", [])
        for message in messages:
            try:
                for key in keys_of(message["Body"]):
                    self._hear(key)
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._say(f"notices: what is no notice of an object is thrown away: {error!r}")
        if messages:
            handles = [
                {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                for number, message in enumerate(messages)
            ]
            await queue.delete_message_batch(QueueUrl=self._url, Entries=handles)
        else:
            # A server that answers at once, against what was asked, is not asked over and over.
            await asyncio.sleep(0)


def keys_of(body: str) -> Iterator[str]:
    """The keys of the objects that a message tells of: S3's own notice, or one that came through a topic of SNS.

    Raises ValueError, TypeError, KeyError, AttributeError for anything else. S3's test message names no object.
    """
    notice = json.loads(body)
    if "Message" in notice:
        notice = json.loads(notice["Message"])
    if notice.get("Event") == "s3:TestEvent":
        return
    for record in notice["Records"]:
        # As in a form, a space is a plus (Amazon S3 User Guide, Event message structure).
        yield unquote_plus(record["s3"]["object"]["key"])
