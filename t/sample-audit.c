/*
 * Audit logs for tests: sessions judged as the daemon judges them.
 *
 *	sample-audit STORE < sessions > audit.log
 *
 * A session is a line of fields with tabs between them: the time in
 * microseconds, "message" or "aborted", then MACRO=VALUE as `tlspolicy check`
 * takes them; \xNN stands for a byte.  exempt=1 and monitor=1 are no macros.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/audit/chain.h"
#include "policy/policy.h"

struct sample {
	struct store *store;
	struct facts facts;
	struct verdict verdict;
	struct chain *chain;
	struct chain_head head;
};

static void
unescape(char *s)
{
	char *out = s;

	for (; *s != '\0'; s++)
		if (s[0] == '\\' && s[1] == 'x' && s[2] != '\0' &&
		    s[3] != '\0') {
			*out++ = (char)(text_hex_digit(s[2]) << 4 |
			    text_hex_digit(s[3]));
			s += 3;
		} else {
			*out++ = *s;
		}
	*out = '\0';
}

static int
stop(const char *what)
{
	fprintf(stderr, "sample-audit: %s\n", what);
	exit(1);
}

static void
write_record(struct sample *s, struct record *record)
{
	static char line_text[2 * RECORD_LINE_MAX], out_text[3 * RECORD_LINE_MAX];
	struct text line, out;

	text_init(&line, line_text, sizeof line_text);
	text_init(&out, out_text, sizeof out_text);
	if (!record_format(record, &line) || !chain_seal(s->chain, &s->head,
	    slice_make(line.buf, line.n), &out))
		stop("a record is too long");
	fwrite(out.buf, 1, out.n, stdout);
}

static void
judge(struct sample *s, struct record *record)
{
	struct eval_options options = { .default_class = CLASS_TEMP,
		.monitor = record->monitor };
	struct store_reader reader;
	struct question question = { .scope = EVAL_MAIL, .facts = &s->facts,
		.options = &options, .exempt = record->exempt,
		.now = record->time_us / 1000000, .reader = &reader };
	struct fault fault;

	if (!store_begin(s->store, &reader, &fault))
		stop(fault.text);
	verdict_init(&s->verdict);
	eval_session(&question, &s->verdict);
	store_end(&reader);
	if (s->verdict.kind == VERDICT_TEMPFAIL ||
	    s->verdict.kind == VERDICT_REJECT)
		record->event = RECORD_REFUSED_MAIL;
	write_record(s, record);
}

static enum dialect_id
dialect_of(const char *line)
{
	const char *v = strstr(line, "\tv=");

	return v == NULL ? DIALECT_SENDMAIL :
	    macro_dialect(slice_of(v + 3));
}

static void
session(struct sample *s, char *line)
{
	struct record record = { .facts = &s->facts, .verdict = &s->verdict,
		.session = slice_of("s1") };
	char *field = strtok(line, "\t"), *value;

	record.time_us = strtoll(field, NULL, 10);
	field = strtok(NULL, "\t");
	if (strcmp(field, "aborted") == 0)
		record.event = RECORD_ABORTED;
	while ((field = strtok(NULL, "\t")) != NULL) {
		if ((value = strchr(field, '=')) == NULL)
			stop("a field has no =");
		*value++ = '\0';
		unescape(value);
		if (strcmp(field, "exempt") == 0)
			record.exempt = true;
		else if (strcmp(field, "monitor") == 0)
			record.monitor = true;
		else if (macro_set(&s->facts, slice_of(field),
		    slice_of(value)) == MACRO_NO_MEMORY)
			stop("out of memory");
	}
	if (!macro_finish(&s->facts))
		stop("out of memory");
	judge(s, &record);
}

int
main(int argc, char **argv)
{
	static struct sample s;
	static char line[64 * 1024];
	struct fault fault;

	if (argc != 2)
		stop("usage: sample-audit STORE < sessions");
	s.store = store_open(argv[1], &fault);
	s.chain = chain_new(slice_of(""), &fault);
	if (s.store == NULL || s.chain == NULL)
		stop(fault.text);
	chain_head_init(&s.head);
	facts_init(&s.facts, DIALECT_SENDMAIL);
	while (fgets(line, sizeof line, stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		facts_reset(&s.facts, dialect_of(line));
		session(&s, line);
	}
	facts_free(&s.facts);
	chain_free(s.chain);
	store_close(s.store);
	return 0;
}
