/*
 * What an MTA does with mail to a domain: what it asks, what it is told.
 *
 * That it is told to keep mail back is no fault of the command's; that a table
 * could not be asked is one, since nobody knows then.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/base/domain.h"
#include "policy/base/jsontext.h"
#include "policy/base/netaddr.h"
#include "policy/commands/outbound.h"
#include "policy/commands/word.h"

enum { NAME_MAX_BYTES = 253, LINE_BYTES = 16 * 1024,
	OPTION_UNASKED = OPTION_REPORT, OPTION_FROM };

static const struct command_option options[] = {
	{ OPTION_MTA, "mta", "sendmail|postfix",
	    "the MTA that delivers; without, postfix" },
	{ OPTION_UNASKED, "unasked", NULL,
	    "rules that no MTA ever asked for, by the audit log" },
	{ OPTION_FROM, "from", "SENDER",
	    "the sender, where the way depends on it; <> is the null sender" },
	{ OPTION_POSTFIX, "postfix", "DIR", "the Postfix whose main.cf is there" },
	COMMAND_OPTION_JSON,
	{ 0, NULL, NULL, NULL }
};

static const char *
string_of(const json_t *object, const char *name)
{
	const char *s = json_string_value(json_object_get(object, name));

	return s == NULL ? "" : s;
}

static void print_line(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Prints a line without controls: tables and rules hold anybody's words. */
static void
print_line(const char *fmt, ...)
{
	static char raw[LINE_BYTES], line[2 * LINE_BYTES];
	struct text text;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(raw, sizeof raw, fmt, ap);
	va_end(ap);
	text_init(&text, line, sizeof line);
	text.utf8 = true;
	text_put_printable(&text, slice_of(raw));
	puts(line);
}

static void
print_asked(const json_t *list)
{
	static const char *const more[] = { "resolver", "monitored",
		"warned", "lost" };
	const json_t *asked, *rule;
	size_t i, j;

	json_array_foreach(list, i, asked) {
		print_line("    asks %s for \"%s\": %s",
		    string_of(asked, "table"), string_of(asked, "key"),
		    string_of(asked, "answer"));
		json_array_foreach(json_object_get(asked, "rules"), j, rule)
			print_line("        %s %s (%s:%d)",
			    string_of(rule, "key"),
			    string_of(rule, "requirement"),
			    string_of(rule, "file"), (int)json_integer_value(
			    json_object_get(rule, "line")));
		for (j = 0; j < sizeof more / sizeof more[0]; j++)
			if (string_of(asked, more[j])[0] != '\0')
				print_line("        %s: %s", more[j],
				    string_of(asked, more[j]));
	}
}

static void
print_hop(const json_t *hop)
{
	print_line("next hop: %s (%s)", string_of(hop, "next_hop"),
	    string_of(hop, "by"));
	print_line("    level: %s (%s)", string_of(hop, "level"),
	    string_of(hop, "level_by"));
	print_line("    tables: %s", string_of(hop, "tables")[0] != '\0' ?
	    string_of(hop, "tables") : "none");
	print_line("    our map is asked: %s", string_of(hop, "ours"));
	print_asked(json_object_get(hop, "asked"));
	print_line("    %s: %s", string_of(hop, "result"),
	    string_of(hop, "outcome"));
}

static void
print_text(const json_t *all)
{
	const json_t *one;
	size_t i;

	print_line("mail to %s, by %s", string_of(all, "domain"),
	    string_of(all, "mta"));
	if (json_object_get(all, "transport") != NULL)
		print_line("transport: %s (%s)", string_of(all, "transport"),
		    string_of(all, "transport_by"));
	if (json_object_get(all, "server") != NULL)
		print_line("server: %s%s%s", string_of(all, "server"),
		    string_of(all, "address")[0] != '\0' ? ", " : "",
		    string_of(all, "address"));
	if (json_object_get(all, "unasked") != NULL)
		print_line("not known: %s", string_of(all, "unasked"));
	json_array_foreach(json_object_get(all, "notes"), i, one)
		print_line("note: %s", json_string_value(one));
	json_array_foreach(json_object_get(all, "depends"), i, one)
		print_line("depends: %s: other mail for this domain may go "
		    "another way; %s", json_string_value(one),
		    strcmp(json_string_value(one), "transport_maps") == 0 ?
		    "the recipient's whole address tells" :
		    "--from SENDER tells");
	json_array_foreach(json_object_get(all, "next_hops"), i, one)
		print_hop(one);
	print_asked(json_object_get(all, "asked"));
	if (json_object_get(all, "outcome") != NULL)
		print_line("%s", string_of(all, "outcome"));
}

static int
look(struct looking *l, bool sendmail, bool json)
{
	struct fault f;
	int status;
	bool good;

	l->all = json_pack("{s:s, s:o}", "mta", sendmail ? "sendmail" :
	    "postfix", "domain", jsontext_cstring(l->domain));
	good = sendmail ? outbound_look_sendmail(l, &f) :
	    outbound_look_postfix(l, &f);
	if (!good) {
		status = command_fail(&f);
	} else {
		if (json) {
			json_dumpf(l->all, stdout,
			    JSON_ENSURE_ASCII | JSON_INDENT(2));
			putchar('\n');
		} else
			print_text(l->all);
		status = l->unasked ? FAULT_UNAVAILABLE : EXIT_FINE;
	}
	json_decref(l->all);
	return status;
}

/* In lower case, as MTAs ask; false: the word is no domain. */
static bool
take_domain(const char *word, struct text *out, struct fault *f)
{
	struct slice rest = slice_of(word), label;
	bool good = rest.n > 0 && rest.p[0] != '.';

	for (size_t i = 0; i < rest.n; i++)
		if ((unsigned char)rest.p[i] <= ' ' || rest.p[i] == 0x7f ||
		    strchr("@:/[]{},;\"'\\()<>!*", rest.p[i]) != NULL)
			good = false;
	if (rest.n > 1 && rest.p[rest.n - 1] == '.')
		rest.n--;
	text_put_lower(out, rest);
	if (rest.n > 0 && rest.p[rest.n - 1] == '.')
		good = false;
	while (good && slice_next(&rest, '.', &label))
		good = label.n > 0;
	if (good && !out->cut && out->n <= NAME_MAX_BYTES)
		return true;
	return fault_set(f, FAULT_DATA, "\"%s\": a domain was expected, as "
	    "behind the @ of an address", word);
}

static bool
take_mta(const struct context *context, const char *arg, bool *sendmail)
{
	struct word word;

	word_start(&word, arg);
	*sendmail = word_is(&word, "sendmail");
	if (*sendmail || word_is(&word, "postfix"))
		return true;
	word_refuse(&word, context, "an MTA");
	return false;
}

/* What stands before the @ of an address: no control character, nor slash. */
static bool
take_user(char *word, const char **domain, struct fault *f)
{
	char *at = strrchr(word, '@');

	*domain = at == NULL ? word : at + 1;
	if (at == NULL)
		return true;
	*at = '\0';
	for (const char *p = word; *p != '\0'; p++)
		if ((unsigned char)*p <= ' ' || *p == 0x7f ||
		    strchr("/<>\"\\@", *p) != NULL)
			return fault_set(f, FAULT_DATA, "\"%s\": a mailbox "
			    "was expected", word);
	if (word[0] != '\0' && strlen(word) <= NAME_MAX_BYTES)
		return true;
	return fault_set(f, FAULT_DATA, "\"%s\": a mailbox was expected",
	    word);
}

/*
 * "jane@example.com", "<>"; false: tables by sender know no mailbox without a
 * domain.
 */
static bool
take_sender(const char *word, struct text *out, struct fault *f)
{
	char copy[2 * DOMAIN_TEXT_MAX], name[DOMAIN_TEXT_MAX];
	const char *domain;
	struct text text;

	if (strcmp(word, "<>") == 0)
		return true;
	if (strlen(word) >= sizeof copy || strchr(word, '@') == NULL)
		return fault_set(f, FAULT_DATA, "\"%s\": a sender was "
		    "expected, as jane@example.com, or <>", word);
	memcpy(copy, word, strlen(word) + 1);
	text_init(&text, name, sizeof name);
	if (!take_user(copy, &domain, f) || !take_domain(domain, &text, f))
		return false;
	text_put_lower(out, slice_of(copy));
	text_printf(out, "@%s", name);
	return true;
}

/* The address as sendmail writes it into {server_addr}. */
static bool
take_address(struct slice word, struct text *out, struct fault *f)
{
	struct netaddr a;

	if (!netaddr_parse(word, &a))
		return fault_set(f, FAULT_DATA, "\"%.*s\": an address was "
		    "expected", SLICE_ARG(word));
	text_puts(out, a.family == 4 ? "" : "IPv6:");
	netaddr_print(&a, out);
	return true;
}

/* A name, or what sendmail has for a server without one: "[192.0.2.1]". */
static bool
take_host(const char *word, struct text *host, struct text *address,
    struct fault *f)
{
	size_t n = strlen(word);
	bool literal = n > 2 && word[0] == '[' && word[n - 1] == ']';

	if (!literal)
		return take_domain(word, host, f);
	text_puts(host, "[");
	if (!take_address(slice_make(word + 1, n - 2), address, f))
		return false;
	text_put(host, slice_make(address->buf, address->n));
	text_puts(host, "]");
	return true;
}

static int
begin(char **argv, int argc, struct looking *l, bool sendmail, bool json)
{
	char domain[DOMAIN_TEXT_MAX], host[DOMAIN_TEXT_MAX], address[64];
	char sender[2 * DOMAIN_TEXT_MAX];
	struct text text, at, from;
	const char *name = argv[0];
	struct fault f;

	l->user = "";
	text_init(&from, sender, sizeof sender);
	if (l->sender != NULL && !take_sender(l->sender, &from, &f))
		return command_fail(&f);
	l->sender = l->sender != NULL ? sender : NULL;
	if (!take_user(argv[0], &name, &f))
		return command_fail(&f);
	if (name != argv[0])
		l->user = argv[0];
	text_init(&text, domain, sizeof domain);
	if (!take_domain(name, &text, &f))
		return command_fail(&f);
	text_init(&text, host, sizeof host);
	text_init(&at, address, sizeof address);
	if (!take_host(argc > 1 ? argv[1] : domain, &text, &at, &f))
		return command_fail(&f);
	if (argc > 2) {
		text_clear(&at);
		if (!take_address(slice_of(argv[2]), &at, &f))
			return command_fail(&f);
	}
	l->domain = domain;
	l->host = host;
	l->address = address;
	l->now = (int64_t)time(NULL);
	return look(l, sendmail, json);
}

static int
run(struct context *context, int argc, char **argv)
{
	struct looking l = { .dir = NULL };
	bool sendmail = false, json = false, unasked = false, mta = false;
	int c, status;

	while ((c = command_getopt(context, argc, argv, &status)) != -1) {
		if (c == OPTION_JSON)
			json = true;
		else if (c == OPTION_POSTFIX)
			l.dir = optarg;
		else if (c == OPTION_FROM)
			l.sender = optarg;
		else if (c == OPTION_UNASKED)
			unasked = true;
		else if (c != OPTION_MTA)
			return status;
		else if (!(mta = take_mta(context, optarg, &sendmail)))
			return FAULT_USAGE;
	}
	if (unasked && (mta || l.dir != NULL || l.sender != NULL))
		return command_usage(context, "--unasked is about all MTAs");
	if (unasked)
		return outbound_unasked(context, argv + optind, json);
	if (!command_operands(context, argc - optind, 1, sendmail ? 3 : 1))
		return FAULT_USAGE;
	if (sendmail && l.dir != NULL)
		return command_usage(context,
		    "--postfix and --mta sendmail exclude each other");
	if (sendmail && l.sender != NULL)
		return command_usage(context, "--from and --mta sendmail "
		    "exclude each other: sendmail's way is by the recipient");
	if (l.dir == NULL)
		l.dir = "/etc/postfix";
	l.context = context;
	return begin(argv + optind, argc - optind, &l, sendmail, json);
}

const struct command command_outbound = {
	"outbound", "[USER@]DOMAIN [HOST [ADDRESS]] | [AUDIT...]",
	"Tell what an MTA does with mail to a domain", options, run,
	"tlspolicy-outbound(7)"
};
