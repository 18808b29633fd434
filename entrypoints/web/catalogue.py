"""The kinds of problems the API answers with: their status, their title and what to do about each.

The list is closed: the last part of every problem's `type` is one of these names, and each has a page of its own. A
title is a sentence that says what is wrong; of what is missing, as in the guide, it is "… not found".
What exactly is wrong stands in `errors`, whose codes are finer.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of problem; `advice` tells its reader what to do.

    Where that is for those who write clients, `on_pages` tells those who press buttons.
    """

    status: int
    title: str
    advice: str
    on_pages: str | None = None

    @property
    def advice_to_people(self) -> str:
        """What somebody with a browser can do."""
        return self.on_pages or self.advice


KINDS = {
    "malformed_json": Kind(
        400,
        "The body is not the JSON we accept",
        "Send UTF-8 without a byte order mark, each name once in its object, at most 32 levels deep and 10,000 "
        "values; NaN, Infinity, NUL characters and halves of surrogate pairs are refused. Where the position is "
        "known, it is told.",
    ),
    "bad_parameter": Kind(
        400,
        "A parameter of the address is wrong",
        "Every parameter may stand once and must be one the endpoint knows. Take a cursor from the answer before, and "
        "keep the filters and the order it was made for.",
        "The link may be old, or was not copied whole. Begin at the list, and choose what to see there.",
    ),
    "bad_header": Kind(
        400,
        "A header is wrong",
        "If-Match holds one entity tag as this server gave it; Idempotency-Key is 1 to 200 printable ASCII characters.",
        "Your browser, or something between it and us, sent what a browser does not send. Load the page again.",
    ),
    "bad_request": Kind(
        400,
        "The request cannot be understood",
        "Check how your client puts it together.",
        "What arrived is not what this page's form sends. Go back, load the page again, and repeat it there.",
    ),
    "unauthenticated": Kind(
        401,
        "Nobody is signed in",
        "Send Authorization: Bearer with a token that is still good, or sign in on the login page. Tokens are made on "
        "the account page and by `peachpie-scheduler token create`.",
        "Sign in on the login page.",
    ),
    "sign_in_refused": Kind(
        401, "Name and password do not fit", "Try again, or ask an admin whether the account is enabled."
    ),
    "set_up_refused": Kind(
        403,
        "The set-up token is not good",
        "It stands in the log of the server, lasts 15 minutes and makes one user. Start the service again for another "
        "one, or use `peachpie-scheduler user add` on the server.",
    ),
    "forbidden": Kind(403, "You may not do this", "Ask somebody with the right role."),
    "cross_site": Kind(
        403,
        "The request came from another site",
        "Changes are accepted from this server's own pages and from programs, never from other sites in a browser. "
        "Behind a proxy, see that it hands on the Host header unchanged.",
    ),
    "not_found": Kind(404, "There is nothing at this address", "Check the address."),
    "task_not_found": Kind(
        404,
        "Task not found",
        "It was deleted, or never was. GET /api/scheduled-tasks lists what there is, with ?deleted=true what can come "
        "back; an address has a task's id, not its name.",
        "It was deleted, or never was. Deleted tasks are kept for 30 days, and can be brought back.",
    ),
    "user_not_found": Kind(404, "User not found", "The list of users shows who there is."),
    "token_not_found": Kind(404, "Token not found", "It was revoked, or it belongs to somebody else."),
    "execution_not_found": Kind(
        404, "Execution not found", "Records are kept for some days only; older ones are pruned."
    ),
    "version_not_found": Kind(
        404, "Version not found", "Versions are kept for a year after another took their place; the list shows which."
    ),
    "method_not_allowed": Kind(
        405,
        "The address does not take this method",
        "The Allow header names the methods that are.",
        "There is no page at this address: it only takes what a button sends. Go back, and use that button.",
    ),
    "request_timeout": Kind(
        408,
        "The body took too long to arrive",
        "Send it again, faster.",
        "The connection was too slow. Go back, and send it again.",
    ),
    "name_taken": Kind(409, "Another task bears this name", "Names are unique among the tasks that are not deleted."),
    "wrong_state": Kind(
        409,
        "The task is in no state for this",
        "The code in `errors` says why, the hint what would help: wait for the open execution, or resume the task.",
        "Go back to its page: that shows what it does now, and has the buttons for what can be done.",
    ),
    "user_exists": Kind(
        409, "Another user bears this name", "Names stay their owner's, also when the account is disabled."
    ),
    "token_exists": Kind(409, "Another token bears this name", "Take another name, or revoke the other one first."),
    "last_admin": Kind(409, "This is the last admin", "Make another user an admin first: somebody must let others in."),
    "task_changed": Kind(409, "Somebody else changed the task meanwhile", "Read it again and decide anew."),
    "idempotency_key_in_flight": Kind(
        409,
        "A request with this idempotency key is still being carried out",
        "Ask again in a moment: then it is answered what that request did.",
        "You have pressed the button before. Wait a moment, and look at what it did.",
    ),
    "stale_version": Kind(
        412,
        "The version you named is not the present one",
        "Somebody may have changed the task since you read it. Read it again and send the ETag of that answer as "
        "If-Match.",
        "Somebody may have changed the task since you read it. Go back, load its page again, and decide anew.",
    ),
    "too_large": Kind(413, "The body is too large", "A body has at most 1 MiB, the payload of a task at most 64 kB."),
    "wrong_content_type": Kind(
        415,
        "The body is not of a type we accept",
        "Send Content-Type: application/json, in UTF-8 and not compressed.",
        "What arrived is not what this page's form sends. Go back, load the page again, and repeat it there.",
    ),
    "wrong_host": Kind(
        421,
        "This server does not go by that name",
        "Without login the dashboard answers on this machine only, and to no proxy: open it as 127.0.0.1 or localhost. "
        "With login it answers to the host of SCHEDULER_PUBLIC_URL, if that is set.",
    ),
    "invalid_input": Kind(
        422,
        "Some of it cannot be accepted",
        "Nothing was stored. Each entry of `errors` points to a field, says what is wrong with it and, where it can, "
        "what would be right.",
        "Nothing was stored. Go back, and correct what you typed.",
    ),
    "idempotency_key_reused": Kind(
        422,
        "The idempotency key was used for another request",
        "A key names one request for ever. Take a new one for another body or another address.",
        "The same page has sent something else before. Load it again, and repeat it there.",
    ),
    "too_many_attempts": Kind(
        429, "Too many attempts failed", "Wait as long as Retry-After says. Nobody else is kept waiting."
    ),
    "too_many_streams": Kind(
        429, "Too many streams of changes are open", "Close some of the pages or programs that listen to /events."
    ),
    "internal_error": Kind(
        500,
        "Something went wrong on our side",
        "The log of the server has it under the request id. Nothing was changed unless the task says so.",
    ),
    "task_unreadable": Kind(
        500,
        "The record of this task cannot be read",
        "It was damaged or written by a newer version. It is set aside and looked at again; other tasks go on.",
    ),
    "store_unavailable": Kind(
        503,
        "The store cannot do this now",
        "Ask again in a moment. A change may have been carried out: repeat it with the same idempotency key.",
        "Try again in a moment. A change may have been carried out all the same: look before you repeat it.",
    ),
}

# What the framework answers by itself.
BY_STATUS = {404: "not_found", 405: "method_not_allowed", 408: "request_timeout", 413: "too_large", 403: "forbidden"}
