/*
 * A certificate file: PEM, or with an odd first byte the DER of a certificate.
 * Nothing that stands in it steers a terminal.
 */
#include "t/fuzz/fuzz.h"

#include <openssl/pem.h>

#include "policy/cert/certificate.h"
#include "policy/cert/describe.h"
#include "policy/cert/inspect.h"

/* Controls of ASCII, and of ISO 8859 in UTF-8. */
static void
check_harmless(const char *text, size_t n)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t i = 0; i < n; i++) {
		FUZZ_CHECK((p[i] >= ' ' || p[i] == '\n') && p[i] != 0x7f);
		FUZZ_CHECK(p[i] != 0xc2 || i + 1 == n || p[i + 1] >= 0xa0);
	}
}

static void
check_name(const X509_NAME *name)
{
	char buf[CERTIFICATE_TEXT_MAX];
	struct text out;

	text_init(&out, buf, sizeof buf);
	certificate_dn(name, &out);
	certificate_dn_sendmail(name, &out);
	certificate_cn_sendmail(name, &out);
	check_harmless(buf, out.n);
	text_clear(&out);
	certificate_cn_postfix(name, true, &out);
}

static void
check_certificate(X509 *x)
{
	char *printed = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&printed, &n);
	json_t *json = describe_json(x, 1770000000);

	FUZZ_CHECK(out != NULL && json != NULL);
	json_decref(json);
	describe_text(x, 1770000000, 0, out);
	describe_purposes(x, 0, out);
	fclose(out);
	check_harmless(printed, n);
	free(printed);
	check_name(X509_get_subject_name(x));
	check_name(X509_get_issuer_name(x));
	FUZZ_RUN(certificate_matches(x, "mail.example.com"));
	certificate_has_wildcard(x);
}

static void
check_file(const char *path)
{
	const struct inspect_settings settings = {
		.host = "mail.example.com", .soon = 30, .now = 1770000000 };
	struct pemfile file;
	struct findings findings;
	struct fault fault;

	fault_clear(&fault);
	if (!pemfile_read(path, &file, &fault)) {
		FUZZ_CHECK(fault.kind != FAULT_NONE && fault.text[0] != '\0');
		return;
	}
	for (int i = 0; i < sk_X509_num(file.certificates); i++)
		check_certificate(sk_X509_value(file.certificates, i));
	findings_init(&findings);
	FUZZ_CHECK(inspect_files(&file, 1, &settings, &findings, &fault));
	for (size_t i = 0; i < findings.n; i++)
		check_harmless(findings.all[i].what,
		    strlen(findings.all[i].what));
	findings_free(&findings);
	pemfile_free(&file);
}

/* The bytes as a PEM block, in memory that the caller frees. */
static char *
wrap(const uint8_t *data, size_t size, size_t *n)
{
	char *pem = NULL;
	FILE *out = open_memstream(&pem, n);

	FUZZ_CHECK(out != NULL && PEM_write(out, "CERTIFICATE", "", data,
	    (long)size) > 0);
	fclose(out);
	return pem;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[32], *pem = NULL;
	size_t n = size;
	int fd;

	if (size > 1 && data[0] % 2 == 1)
		pem = wrap(data + 1, size - 1, &n);
	fd = fuzz_file(pem != NULL ? (const void *)pem : data, n, path);
	check_file(path);
	close(fd);
	free(pem);
	return 0;
}
