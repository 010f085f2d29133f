/* Words of a record that can be asked for. */
#include "policy/commands/audit-filter.h"
#include "policy/commands/word.h"

bool
audit_is_reason(const struct context *context, const char *name)
{
	struct word word;

	word_start(&word, name);
	for (int i = REASON_NONE + 1; i < REASON_COUNT; i++)
		if (word_is(&word, reason_name((enum reason)i)))
			return true;
	return word_refuse(&word, context, "a reason") == EXIT_FINE;
}

bool
audit_is_verdict(const struct context *context, const char *name)
{
	struct word word;

	word_start(&word, name);
	for (int i = 0; i <= VERDICT_HOLD; i++)
		if (word_is(&word, verdict_name((enum verdict_kind)i)))
			return true;
	return word_is(&word, "warn") ||
	    word_refuse(&word, context, "a verdict") == EXIT_FINE;
}
