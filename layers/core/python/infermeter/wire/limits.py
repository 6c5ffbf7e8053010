"""The wire's limits, declared once."""

# A Lambda answer is at most 6 MB of JSON, and a binary body travels in it as base64 (4/3).
MAX_ANSWER_BYTES = 6 * 1024 * 1024 - 16 * 1024
MAX_BINARY_ANSWER_BYTES = MAX_ANSWER_BYTES * 3 // 4

# What a compressed body may become. Its JSON takes up to thirty times that as Python's own objects.
MAX_BODY_BYTES = 32 * 1024 * 1024

# What one request may read from uploads; Triton's own limit of a body.
MAX_UPLOAD_BYTES = 64 * 1024 * 1024

# S3's own limit.
MAX_OBJECT_KEY_BYTES = 1024

# Triton's own limit.
MAX_NESTING = 100

# Far more than a body can hold: a shape beyond it is a mistake, refused before any product of its
# sizes is allocated or overflows.
MAX_ELEMENTS = 1 << 26

# numpy holds 64; no model's tensor comes near.
MAX_DIMENSIONS = 32

MAX_TENSORS = 256
MAX_ID_CHARACTERS = 256

# Triton's own limit of the `classification` extension.
MAX_CLASSES = 1_000_000

# What their values may be written with, before the point: `%f` gives an FP64 up to 309 each, which
# take 14 us.
MAX_CLASS_DIGITS = 1 << 26

# OpenAI's own limit of texts in one request for embeddings.
MAX_EMBEDDINGS = 2048

# Tokens of such a request, padding included: what a model computes for them is held all at once.
MAX_PADDED_TOKENS = 1 << 17

# Text of such a request, in UTF-8. A token may be one byte of it, and takes some 400 bytes while
# the tokenizer works.
MAX_TEXT_BYTES = 1024 * 1024


def escaped_size(body: bytes) -> int:
    """Bytes that a JSON body takes as a string within Lambda's own JSON answer."""
    return len(body) + body.count(b'"') + body.count(b"\\")
