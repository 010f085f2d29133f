#include "policy/facts/dialect.h"

static const struct dialect *const rows[] = {
	[DIALECT_SENDMAIL] = &dialect_sendmail,
	[DIALECT_POSTFIX] = &dialect_postfix,
};

_Static_assert(sizeof rows / sizeof rows[0] == DIALECT_COUNT,
    "a row for each MTA");

const struct dialect *
dialect_row(enum dialect_id id)
{
	return rows[id];
}
