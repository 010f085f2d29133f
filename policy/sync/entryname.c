#include <string.h>

#include "policy/sync/entryname.h"

static const char number_word[] = ENTRYNAME_NUMBER "=";

const char *const entryname_classes[ENTRYNAME_CLASSES] = {
	"sendmailMTA", "sendmailMTAMap", ENTRYNAME_CLASS
};

/* RFC 4514: a byte that means something in a name is written in hex. */
static void
put_escaped(struct text *out, struct slice value)
{
	for (size_t i = 0; i < value.n; i++) {
		unsigned char byte = (unsigned char)value.p[i];

		if (byte <= ' ' || byte == 0x7f ||
		    strchr("\"+,;<>=#\\", byte) != NULL)
			text_printf(out, "\\%02X", byte);
		else
			text_char(out, value.p[i]);
	}
}

void
entryname_print(struct slice key, unsigned number, const char *base,
    struct text *out)
{
	if (number > 0)
		text_printf(out, "%s%04u+", number_word, number);
	text_puts(out, ENTRYNAME_KEY "=");
	put_escaped(out, key);
	text_printf(out, ",%s", base);
}

unsigned
entryname_number(const char *name)
{
	size_t word = sizeof number_word - 1;
	unsigned long number;
	const char *p = name;

	/* Each of the attributes before the first comma. */
	for (;;) {
		size_t n = strcspn(p, "+,");

		if (strncasecmp(p, number_word, word) == 0 && n > word &&
		    text_number(slice_make(p + word, n - word),
		    ENTRYNAME_NUMBER_MAX, &number))
			return (unsigned)number;
		/*
		 * An escaped + is no end, but taken for one here: what follows
		 * it in a value does not begin with the number's attribute.
		 */
		p += n;
		if (*p != '+')
			return 0;
		p++;
	}
}
