/* Each word offered by word_is() is a candidate for "did you mean". */
#include <string.h>

#include "policy/commands/word.h"
#include "policy/rules/requirement.h"

void
word_start(struct word *w, const char *word)
{
	w->word = word;
	nearest_init(&w->nearest, slice_of(word));
	text_init(&w->all, w->buf, sizeof w->buf);
}

bool
word_is(struct word *w, const char *one)
{
	if (strcmp(w->word, one) == 0)
		return true;
	nearest_offer(&w->nearest, slice_of(one));
	text_puts(&w->all, w->all.n > 0 ? ", " : "");
	text_puts(&w->all, one);
	return false;
}

int
word_refuse(const struct word *w, const struct context *context,
    const char *what)
{
	char buf[96];
	struct text hint;

	text_init(&hint, buf, sizeof buf);
	nearest_print(&w->nearest, &hint);
	if (hint.n > 0)
		return command_usage(context, "\"%s\" is not %s%s", w->word,
		    what, hint.buf);
	return command_usage(context, "\"%s\" is not %s; expected one of: %s",
	    w->word, what, w->all.buf);
}

bool
word_day(const struct context *context, const char *option, const char *word,
    int32_t *day)
{
	if (day_parse(slice_of(word), day))
		return true;
	command_usage(context, "%s: a date was expected, YYYY-MM-DD, not "
	    "\"%s\"", option, word);
	return false;
}
