/*
 * From fields for tests: what the daemon makes of each.
 *
 *	from-fields < fields
 *
 * Fields end with a NUL byte each.  Of each it prints the mailboxes, a line
 * each, then "=" with the word of the flaw, and a NUL byte.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/facts/fromfield.h"

int
main(void)
{
	static char field[FROMFIELD_BYTES_MAX + 2];
	static char memory[FROMFIELD_ROOM * sizeof field];
	size_t n = 0;
	int c;

	while ((c = getchar()) != EOF) {
		enum fromfield_flaw flaw;
		struct text out;

		if (c != '\0') {
			if (n == sizeof field)
				return EXIT_FAILURE;
			field[n++] = (char)c;
			continue;
		}
		text_init(&out, memory, FROMFIELD_ROOM * (n + 1));
		flaw = fromfield_read(slice_make(field, n), &out);
		printf("%s=%s%c", memory, fromfield_word(flaw), '\0');
		n = 0;
	}
	return EXIT_SUCCESS;
}
