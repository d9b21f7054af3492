"""Notification blocks: whom the Prefect server itself tells, when nobody else can any more."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from uuid import UUID

from prefect.blocks.core import Block
from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import BlockDocument
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from deployments.bootstrap.change import Change, Did

PREFIX = "windlass-notify"


def notification_block(number: int, url: str) -> tuple[str, Block]:
    """The name and block of an address. A webhook gets one JSON object, of which Slack's take `text` and nothing else.

    Every other address is Apprise's. Prefect's block for any of them is abstract; the one called SlackWebhook hands on
    to Apprise what is not Slack's (3.8.8), and drops a webhook that is not, without a word.
    """
    name = f"{PREFIX}-{number}"
    if url.startswith(("http://", "https://")):
        told = {"text": "{{subject}}\n{{body}}"}
        # Only a secret is kept encrypted, and hidden in the UI.
        hidden = SecretDict({"address": url})
        return name, CustomWebhookNotificationBlock(
            name=name, url="{{address}}", json_data=told, secrets=hidden, headers=None, cookies=None
        )
    return name, SlackWebhook(url=SecretStr(url))


def ensure_block(client: SyncPrefectClient, number: int, url: str) -> tuple[UUID, Change]:
    """Save the block of an address; returns its id. Details never hold the address: it may hold a token."""
    name, block = notification_block(number, url)
    slug = block.get_block_type_slug()
    wanted = block.model_dump(mode="json", context={"include_secrets": True}, exclude={"block_type_slug"})
    there = _there(client, name, slug)
    if there is not None and there.data == wanted:
        return there.id, Change("block", name, Did.UNCHANGED, slug)
    block.save(name, overwrite=True)
    saved = client.read_block_document_by_name(name, slug)
    return saved.id, Change("block", name, Did.CREATED if there is None else Did.UPDATED, slug)


def remove_blocks(client: SyncPrefectClient, ids: Collection[UUID]) -> Iterator[Change]:
    """Delete the blocks of addresses that are no more."""
    for document in client.read_block_documents(limit=200):
        if document.name and document.name.startswith(f"{PREFIX}-") and document.id not in ids:
            client.delete_block_document(document.id)
            yield Change("block", document.name, Did.REMOVED)


def _there(client: SyncPrefectClient, name: str, slug: str) -> BlockDocument | None:
    try:
        return client.read_block_document_by_name(name, slug, include_secrets=True)
    except ObjectNotFound:
        return None
