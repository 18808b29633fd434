"""The API of files of tasks: what a file asks for, told or done."""

import asyncio

from aiohttp import web
from typing_extensions import TypedDict

from application.scheduling.declarations import FileBody, json_file, yaml_file
from application.scheduling.differences import difference_document
from application.scheduling.document_types import DifferenceDocument
from application.scheduling.services.apply_plan import PRUNE_LIMIT, ApplyItem, ApplyOutcome, ApplyPlan
from domain.identifiers import TaskId
from entrypoints.web.answers import json_answer
