/*
 * Writes an audit log of N records on standard output, sealed, for measuring
 * `audit verify` and `replay`: senders of 5,000 domains, one in ten in clear.
 */
#include <stdio.h>
#include <stdlib.h>

#include "policy/audit/chain.h"
#include "policy/audit/record.h"
#include "policy/facts/macro.h"

static void
tell(struct facts *f, const char *name, const char *value)
{
	if (macro_set(f, slice_of(name), slice_of(value)) != MACRO_SET)
		abort();
}

static void
fill(struct facts *f, unsigned long i)
{
	unsigned long domain = i * 7919 % 5000;
	char text[128];

	facts_reset(f, DIALECT_SENDMAIL);
	tell(f, "v", "8.17.1.9");
	tell(f, "j", "mx.example.org");
	snprintf(text, sizeof text, "2A%012lu", i);
	tell(f, "i", text);
	snprintf(text, sizeof text, "mail.d%lu.example", domain);
	tell(f, "client_name", text);
	tell(f, "s", text);
	snprintf(text, sizeof text, "198.51.%lu.%lu", domain / 250, domain % 250);
	tell(f, "client_addr", text);
	tell(f, "client_resolve", "OK");
	tell(f, "daemon_name", "MTA");
	tell(f, "daemon_port", "25");
	tell(f, "daemon_addr", "192.0.2.25");
	snprintf(text, sizeof text, "<user%lu@d%lu.example>", i % 97, domain);
	tell(f, "mail_addr", text);
	if (i % 10 == 0)
		return;
	tell(f, "tls_version", "TLSv1.3");
	tell(f, "cipher", "TLS_AES_256_GCM_SHA384");
	tell(f, "cipher_bits", "256");
	tell(f, "verify", i % 3 == 0 ? "OK" : "NO");
	snprintf(text, sizeof text, "mail.d%lu.example", domain);
	tell(f, "cn_subject", i % 3 == 0 ? text : "");
	tell(f, "cn_issuer", i % 3 == 0 ? "Example+20CA" : "");
	tell(f, "cert_subject", i % 3 == 0 ? "/C=DE/O=Example+20AG/CN=mail" : "");
	tell(f, "cert_issuer", i % 3 == 0 ? "/C=DE/CN=Example+20CA" : "");
	tell(f, "cert_fp", "66:17:24:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66");
}

int
main(int argc, char **argv)
{
	unsigned long n = argc > 1 ? strtoul(argv[1], NULL, 10) : 1000000;
	static char record_memory[RECORD_LINE_MAX], memory[2 * RECORD_LINE_MAX];
	static struct verdict verdict;
	struct record_rcpt rcpt = { .address = slice_of("bob@example.org") };
	struct record record = { .verdict = &verdict, .rcpts = &rcpt,
		.nrcpts = 1, .session = slice_of("65f1a2-1") };
	struct chain_head head;
	struct text line, sealed;
	struct fault fault;
	struct chain *chain = chain_new(slice_of(""), &fault);
	struct facts facts;

	verdict_init(&verdict);
	verdict.generation = 1;
	facts_init(&facts, DIALECT_SENDMAIL);
	record.facts = &facts;
	chain_head_init(&head);
	text_init(&line, record_memory, sizeof record_memory);
	chain_format_link(&head, 0, &line);
	for (unsigned long i = 0; i <= n; i++) {
		text_init(&sealed, memory, sizeof memory);
		if (!chain_seal(chain, &head, slice_make(line.buf, line.n),
		    &sealed) || fwrite(memory, 1, sealed.n, stdout) != sealed.n)
			return 1;
		fill(&facts, i);
		if (!macro_finish(&facts))
			return 1;
		record.time_us = INT64_C(1772366400000000) + (int64_t)i * 50000;
		text_clear(&line);
		if (!record_format(&record, &line))
			return 1;
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
