"""The machine's randomness."""

import secrets
from uuid import uuid4


class SystemEntropy:
    """`Entropy` of the operating system."""

    def identifier(self) -> str:
        """See the port."""
        return str(uuid4())

    def token(self) -> str:
        """See the port."""
        return secrets.token_hex(16)
