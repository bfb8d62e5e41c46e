"""Read by every Python process of a command under test, so that its workers know the task `faulty` as well."""

import with_faulty  # noqa: F401
