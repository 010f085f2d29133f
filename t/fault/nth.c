/*
 * nth.so: the n-th call of a kind fails.  Loaded by LD_PRELOAD into a program
 * that is started anew for each n:
 *
 *	NTH_FAULT=malloc:17	the 17th call fails
 *	NTH_FAULT=write:3+	the 3rd and all behind it
 *	NTH_ERROR=28		with this errno, or this return of an mdb_ call
 *	NTH_HIT=PATH		the file is made when a call was made to fail
 *	NTH_SITES=PATH		no call fails: the file gets 64 bits for each,
 *				the same for those that the program makes from
 *				the same place, called from the same places
 *
 *	NTH_SERVER=1		the program is started once, up to its main(), for
 *				many runs: see serve()
 *
 * Kinds: malloc (calloc, realloc and what the library makes of them), write
 * (what writes, syncs, cuts and renames; also what stdio writes to standard
 * output), open, mmap, mdb (what of LMDB can fail), look (what reads, and
 * what asks for or changes an owner, a mode or a lock), crypto (what the program
 * itself asks of OpenSSL), and system (descriptors, locks, processes, threads,
 * streams).
 *
 * A program's own threads may make n differ between runs, by a few.  What is
 * done behind its exit handlers is not its own: gcov's counters are written
 * then, without looking at what malloc returned.
 */
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <ldap.h>
#include <link.h>
#include <lmdb.h>
#include <openssl/engine.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum kind { NONE, MALLOC, WRITE, OPEN, MMAP, MDB, LOOK, DIRECTORY, CRYPTO, SYSTEM };

static enum kind kind;
static long nth;
static bool ever_after;
static int error;
static const char *hit;
static atomic_long calls;
static int sites = -1;
static uintptr_t program, program_end;
/* Libraries that are not made for a malloc that fails: they assert, or crash. */
static const char *const unprepared_names[] = { "/libldap", "/liblber",
	"/libsasl" };
enum { UNPREPARED = 3 };
static struct {
	uintptr_t start, end;
} unprepared[UNPREPARED];
/* ldap_initialize(), and glibc's resolver below it; glibc's lists of users. */
static int beginning;

extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);

static void
note_hit(void)
{
	long fd;

	if (hit == NULL)
		return;
	fd = syscall(SYS_openat, AT_FDCWD, hit, O_WRONLY | O_CREAT | O_CLOEXEC,
	    0600);
	if (fd >= 0)
		syscall(SYS_close, fd);
}

/*
 * At exit(3) stdio writes the rest of the program's output: that still counts.
 */
static void
leave_exit_alone(void)
{
	if (kind != WRITE)
		kind = NONE;
}

/* The first object is the program. */
static int
find_program(struct dl_phdr_info *info, size_t size, void *none)
{
	(void)size;
	(void)none;
	program = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end = program + info->dlpi_phdr[i].p_vaddr +
		    info->dlpi_phdr[i].p_memsz;

		if (info->dlpi_phdr[i].p_type == PT_LOAD && end > program_end)
			program_end = end;
	}
	return 1;
}

static int
find_unprepared(struct dl_phdr_info *info, size_t size, void *found)
{
	int *n = found, which = 0;

	(void)size;
	while (which < UNPREPARED &&
	    strstr(info->dlpi_name, unprepared_names[which]) == NULL)
		which++;
	if (*n == UNPREPARED || which == UNPREPARED)
		return 0;
	unprepared[*n].start = unprepared[*n].end = info->dlpi_addr;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		uintptr_t end = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr +
		    info->dlpi_phdr[i].p_memsz;

		if (end > unprepared[*n].end)
			unprepared[*n].end = end;
	}
	++*n;
	return 0;
}

/* backtrace(3) may call malloc() itself: such calls do not count. */
static void
note_site(void)
{
	static _Thread_local bool looking;
	void *frames[64];
	uint64_t site = 14695981039346656037u;
	int n;

	if (looking)
		return;
	looking = true;
	n = backtrace(frames, 64);
	for (int i = 0; i < n; i++) {
		uintptr_t at = (uintptr_t)frames[i];

		if (at >= program && at < program_end)
			site = (site ^ (at - program)) * 1099511628211u;
	}
	syscall(SYS_write, sites, &site, sizeof site);
	looking = false;
}

/* Must this call fail?  Leaves errno as a failed one does. */
static bool
fails(enum kind of)
{
	long n;

	if (of != kind)
		return false;
	n = atomic_fetch_add(&calls, 1) + 1;
	if (sites != -1) {
		note_site();
		return false;
	}
	if (ever_after ? n < nth : n != nth)
		return false;
	if (n == nth)
		note_hit();
	errno = error;
	return true;
}

static bool
no_memory(const void *caller)
{
	uintptr_t at = (uintptr_t)caller;

	for (int i = 0; i < UNPREPARED && kind == MALLOC; i++)
		if (beginning > 0 ||
		    (at >= unprepared[i].start && at < unprepared[i].end))
			return false;
	return fails(MALLOC);
}

#define NO_MEMORY() no_memory(__builtin_return_address(0))

/*
 * stdio does not call the write() of this library, so standard output gets a
 * stream of its own.
 */
static ssize_t
write_out(void *cookie, const char *bytes, size_t n)
{
	ssize_t done;

	(void)cookie;
	if (fails(WRITE))
		return 0;
	done = syscall(SYS_write, STDOUT_FILENO, bytes, n);
	return done < 0 ? 0 : done;
}

static void
plan(const char *fault, const char *error_number, const char *sites_path)
{
	static const char *const names[] = { "", "malloc", "write", "open",
		"mmap", "mdb", "look", "ldap", "crypto", "system" };
	static const int errors[] = { 0, ENOMEM, ENOSPC, EMFILE, ENOMEM, EIO,
		EIO, LDAP_SERVER_DOWN, 0, EPERM };
	const char *number;
	enum kind wanted = NONE;
	size_t n;

	if (fault == NULL || (number = strchr(fault, ':')) == NULL)
		return;
	n = (size_t)(number - fault);
	for (int i = MALLOC; i <= SYSTEM; i++)
		if (strlen(names[i]) == n && memcmp(names[i], fault, n) == 0)
			wanted = (enum kind)i;
	nth = strtol(number + 1, NULL, 10);
	ever_after = strchr(number, '+') != NULL;
	error = error_number == NULL ? errors[wanted] : atoi(error_number);
	hit = getenv("NTH_HIT");
	dl_iterate_phdr(find_unprepared, &(int){ 0 });
	dl_iterate_phdr(find_program, NULL);
	if (sites_path != NULL) {
		sites = (int)syscall(SYS_openat, AT_FDCWD, sites_path,
		    O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	}
	if (wanted == WRITE)
		stdout = fopencookie(NULL, "w",
		    (cookie_io_functions_t){ .write = write_out });
	kind = wanted;
}

__attribute__((constructor)) static void
read_environment(void)
{
	if (getenv("NTH_SERVER") == NULL)
		plan(getenv("NTH_FAULT"), getenv("NTH_ERROR"),
		    getenv("NTH_SITES"));
}

static void
redirect(int to, const char *path, int flags)
{
	int fd = path == NULL ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path,
	    flags, 0600);

	if (fd == -1 || dup2(fd, to) == -1)
		_exit(126);
	syscall(SYS_close, fd);
}

/* A line of the server's input: "FAULT ERROR SITES", "-" for what is not given. */
static void
begin_run(char *line)
{
	char *word[3], *rest = line;

	for (int i = 0; i < 3; i++) {
		word[i] = strsep(&rest, " ");
		if (word[i] != NULL && strcmp(word[i], "-") == 0)
			word[i] = NULL;
	}
	redirect(STDIN_FILENO, getenv("NTH_IN"), O_RDONLY);
	redirect(STDOUT_FILENO, getenv("NTH_OUT"), O_WRONLY | O_CREAT |
	    O_TRUNC);
	redirect(STDERR_FILENO, getenv("NTH_ERR"), O_WRONLY | O_CREAT |
	    O_TRUNC);
	unsetenv("NTH_SERVER");
	plan(word[0], word[1], word[2]);
}

/*
 * Most of a short run is what the dynamic linker does.  For each line of
 * standard input a child comes back from here and runs the program, with
 * NTH_IN, NTH_OUT and NTH_ERR; its process id and then its wait status are
 * told on standard output.
 */
static void
serve(void)
{
	char line[4096];
	long told[1];
	int status;
	ssize_t n;

	while ((n = syscall(SYS_read, STDIN_FILENO, line, sizeof line - 1)) >
	    1) {
		line[n - 1] = '\0';
		told[0] = fork();
		if (told[0] == 0) {
			begin_run(line);
			return;
		}
		if (told[0] == -1)
			_exit(126);
		syscall(SYS_write, STDOUT_FILENO, told, sizeof told);
		while (waitpid((pid_t)told[0], &status, 0) == -1 &&
		    errno == EINTR)
			;
		told[0] = status;
		syscall(SYS_write, STDOUT_FILENO, told, sizeof told);
	}
	_exit(0);
}

static int (*program_main)(int, char **, char **);

static int
begin(int argc, char **argv, char **environment)
{
	if (getenv("NTH_SERVER") != NULL)
		serve();
	atexit(leave_exit_alone);
	return program_main(argc, argv, environment);
}

/*
 * atexit(3) handlers made before main() run before the destructors of
 * libraries.
 */
int __libc_start_main(int (*)(int, char **, char **), int, char **,
    void (*)(void), void (*)(void), void (*)(void), void *);

int
__libc_start_main(int (*main)(int, char **, char **), int argc, char **argv,
    void (*init)(void), void (*fini)(void), void (*rtld_fini)(void), void *end)
{
	int (*real)(int (*)(int, char **, char **), int, char **,
	    void (*)(void), void (*)(void), void (*)(void), void *);

	real = (int (*)(int (*)(int, char **, char **), int, char **,
	    void (*)(void), void (*)(void), void (*)(void), void *))
	    dlsym(RTLD_NEXT, "__libc_start_main");
	program_main = main;
	return real(begin, argc, argv, init, fini, rtld_fini, end);
}

void *
malloc(size_t n)
{
	return NO_MEMORY() ? NULL : __libc_malloc(n);
}

void *
calloc(size_t n, size_t size)
{
	return NO_MEMORY() ? NULL : __libc_calloc(n, size);
}

void *
realloc(void *p, size_t n)
{
	return n > 0 && NO_MEMORY() ? NULL : __libc_realloc(p, n);
}

ssize_t
write(int fd, const void *p, size_t n)
{
	return fails(WRITE) ? -1 : syscall(SYS_write, fd, p, n);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return fails(WRITE) ? -1 : syscall(SYS_pwrite64, fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return pwrite(fd, p, n, at);
}

ssize_t
writev(int fd, const struct iovec *v, int n)
{
	return fails(WRITE) ? -1 : syscall(SYS_writev, fd, v, n);
}

ssize_t
pwritev(int fd, const struct iovec *v, int n, off_t at)
{
	return fails(WRITE) ? -1 : syscall(SYS_pwritev, fd, v, n, at, 0);
}

int
fsync(int fd)
{
	return fails(WRITE) ? -1 : (int)syscall(SYS_fsync, fd);
}

int
fdatasync(int fd)
{
	return fails(WRITE) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int
msync(void *p, size_t n, int flags)
{
	return fails(WRITE) ? -1 : (int)syscall(SYS_msync, p, n, flags);
}

int
ftruncate(int fd, off_t n)
{
	return fails(WRITE) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

int
ftruncate64(int fd, off64_t n)
{
	return ftruncate(fd, n);
}

int
rename(const char *from, const char *to)
{
	return fails(WRITE) ? -1 : (int)syscall(SYS_rename, from, to);
}

static int
open_at(int dir, const char *path, int flags, mode_t mode)
{
	return fails(OPEN) ? -1 : (int)syscall(SYS_openat, dir, path, flags,
	    mode);
}

static mode_t
mode_of(int flags, va_list ap)
{
	return (flags & (O_CREAT | O_TMPFILE)) != 0 ?
	    (mode_t)va_arg(ap, unsigned) : 0;
}

#define OPEN_BODY(dir)                                                        \
	va_list ap;                                                           \
	mode_t mode;                                                          \
	va_start(ap, flags);                                                  \
	mode = mode_of(flags, ap);                                            \
	va_end(ap);                                                           \
	return open_at(dir, path, flags, mode)

int
open(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int
open64(const char *path, int flags, ...)
{
	OPEN_BODY(AT_FDCWD);
}

int
openat(int dir, const char *path, int flags, ...)
{
	OPEN_BODY(dir);
}

/* fopen(3) of libc does not call the open() of this library. */
FILE *
fopen(const char *path, const char *mode)
{
	static FILE *(*real)(const char *, const char *);

	if (real == NULL)
		real = (FILE *(*)(const char *, const char *))
		    dlsym(RTLD_NEXT, "fopen");
	return fails(OPEN) ? NULL : real(path, mode);
}

FILE *
fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

char *
mkdtemp(char *template)
{
	static char *(*real)(char *);

	if (real == NULL)
		real = (char *(*)(char *))dlsym(RTLD_NEXT, "mkdtemp");
	return fails(OPEN) ? NULL : real(template);
}

void *
mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	return fails(MMAP) ? MAP_FAILED : (void *)syscall(SYS_mmap, at, n,
	    protection, flags, fd, offset);
}

void *
mmap64(void *at, size_t n, int protection, int flags, int fd, off64_t offset)
{
	return mmap(at, n, protection, flags, fd, offset);
}

#define LOOK_CALL(type, name, bad, parameters, arguments)                     \
	type name parameters                                                  \
	{                                                                     \
		static type (*real) parameters;                               \
		if (real == NULL)                                             \
			real = (type (*) parameters)dlsym(RTLD_NEXT, #name);  \
		return fails(LOOK) ? bad : real arguments;                    \
	}

LOOK_CALL(int, stat, -1, (const char *path, struct stat *st), (path, st))
LOOK_CALL(int, lstat, -1, (const char *path, struct stat *st), (path, st))
LOOK_CALL(int, fstat, -1, (int fd, struct stat *st), (fd, st))
LOOK_CALL(int, fstatat, -1, (int dir, const char *path, struct stat *st,
    int flags), (dir, path, st, flags))
LOOK_CALL(int, fchown, -1, (int fd, uid_t uid, gid_t gid), (fd, uid, gid))
LOOK_CALL(int, fchmod, -1, (int fd, mode_t mode), (fd, mode))
LOOK_CALL(ssize_t, readlinkat, -1, (int dir, const char *path, char *p,
    size_t n), (dir, path, p, n))
LOOK_CALL(DIR *, opendir, NULL, (const char *path), (path))
LOOK_CALL(ssize_t, read, -1, (int fd, void *p, size_t n), (fd, p, n))
LOOK_CALL(ssize_t, pread, -1, (int fd, void *p, size_t n, off_t at),
    (fd, p, n, at))
LOOK_CALL(int, timer_create, -1, (clockid_t clock, struct sigevent *event,
    timer_t *timer), (clock, event, timer))

/* A read that fails inside stdio shows by ferror(3). */
static bool
fails_inside(FILE *file)
{
	if (!fails(LOOK))
		return false;
	file->_flags |= 0x20;
	return true;
}

#define STDIO_CALL(type, name, bad, parameters, arguments)                    \
	type name parameters                                                  \
	{                                                                     \
		static type (*real) parameters;                               \
		if (real == NULL)                                             \
			real = (type (*) parameters)dlsym(RTLD_NEXT, #name);  \
		return fails_inside(file) ? bad : real arguments;             \
	}

STDIO_CALL(size_t, fread, 0, (void *p, size_t size, size_t n, FILE *file),
    (p, size, n, file))
STDIO_CALL(char *, fgets, NULL, (char *p, int n, FILE *file), (p, n, file))
STDIO_CALL(ssize_t, getline, -1, (char **p, size_t *n, FILE *file),
    (p, n, file))

/*
 * Calls of OpenSSL that the program makes, not those that OpenSSL makes itself.
 */
#define CRYPTO_CALL(type, name, bad, parameters, arguments)                   \
	type name parameters                                                  \
	{                                                                     \
		static type (*real) parameters;                               \
		uintptr_t at = (uintptr_t)__builtin_return_address(0);        \
		if (real == NULL)                                             \
			real = (type (*) parameters)dlsym(RTLD_NEXT, #name);  \
		return at >= program && at < program_end && fails(CRYPTO) ?   \
		    bad : real arguments;                                     \
	}

CRYPTO_CALL(EVP_MD_CTX *, EVP_MD_CTX_new, NULL, (void), ())
CRYPTO_CALL(EVP_MAC_CTX *, EVP_MAC_CTX_new, NULL, (EVP_MAC *mac), (mac))
CRYPTO_CALL(EVP_MAC_CTX *, EVP_MAC_CTX_dup, NULL, (const EVP_MAC_CTX *c), (c))
CRYPTO_CALL(EVP_MAC *, EVP_MAC_fetch, NULL, (OSSL_LIB_CTX *l, const char
    *name, const char *how), (l, name, how))
CRYPTO_CALL(EVP_MD *, EVP_MD_fetch, NULL, (OSSL_LIB_CTX *l, const char *name,
    const char *how), (l, name, how))
CRYPTO_CALL(EVP_PKEY *, EVP_PKEY_new_raw_public_key_ex, NULL, (OSSL_LIB_CTX
    *l, const char *type, const char *how, const unsigned char *p, size_t n),
    (l, type, how, p, n))
CRYPTO_CALL(BIO *, BIO_new, NULL, (const BIO_METHOD *m), (m))
CRYPTO_CALL(BIO *, BIO_new_fd, NULL, (int fd, int close), (fd, close))
CRYPTO_CALL(SSL_CTX *, SSL_CTX_new, NULL, (const SSL_METHOD *m), (m))
CRYPTO_CALL(SSL *, SSL_new, NULL, (SSL_CTX *c), (c))
CRYPTO_CALL(X509 *, SSL_get1_peer_certificate, NULL, (const SSL *s), (s))
CRYPTO_CALL(X509_STORE *, X509_STORE_new, NULL, (void), ())
CRYPTO_CALL(X509_STORE_CTX *, X509_STORE_CTX_new, NULL, (void), ())
CRYPTO_CALL(EVP_PKEY *, PEM_read_PrivateKey, NULL, (FILE *f, EVP_PKEY **k,
    pem_password_cb *cb, void *arg), (f, k, cb, arg))
CRYPTO_CALL(X509 *, d2i_X509, NULL, (X509 **x, const unsigned char **p, long
    n), (x, p, n))
CRYPTO_CALL(ASN1_TIME *, ASN1_TIME_set, NULL, (ASN1_TIME *t,
    time_t when), (t, when))
CRYPTO_CALL(EVP_PKEY *, X509_get0_pubkey, NULL, (const X509 *x), (x))
CRYPTO_CALL(OPENSSL_STACK *, OPENSSL_sk_new_null, NULL, (void), ())
CRYPTO_CALL(unsigned char *, SHA256, NULL, (const unsigned char *p, size_t n,
    unsigned char *to), (p, n, to))
CRYPTO_CALL(int, EVP_Digest, 0, (const void *p, size_t n, unsigned char *to,
    unsigned *size, const EVP_MD *md, ENGINE *e), (p, n, to, size, md, e))
CRYPTO_CALL(int, EVP_DigestInit_ex, 0, (EVP_MD_CTX *c, const EVP_MD *md,
    ENGINE *e), (c, md, e))
CRYPTO_CALL(int, EVP_DigestInit_ex2, 0, (EVP_MD_CTX *c, const EVP_MD *md,
    const OSSL_PARAM *p), (c, md, p))
CRYPTO_CALL(int, EVP_DigestUpdate, 0, (EVP_MD_CTX *c, const void *p, size_t
    n), (c, p, n))
CRYPTO_CALL(int, EVP_DigestFinal_ex, 0, (EVP_MD_CTX *c, unsigned char *to,
    unsigned *n), (c, to, n))
CRYPTO_CALL(int, EVP_DigestSignInit, 0, (EVP_MD_CTX *c, EVP_PKEY_CTX **k,
    const EVP_MD *md, ENGINE *e, EVP_PKEY *key), (c, k, md, e, key))
CRYPTO_CALL(int, EVP_DigestSign, 0, (EVP_MD_CTX *c, unsigned char *to, size_t
    *size, const unsigned char *p, size_t n), (c, to, size, p, n))
CRYPTO_CALL(int, EVP_DigestVerifyInit, 0, (EVP_MD_CTX *c, EVP_PKEY_CTX **k,
    const EVP_MD *md, ENGINE *e, EVP_PKEY *key), (c, k, md, e, key))
CRYPTO_CALL(int, EVP_DigestVerify, 0, (EVP_MD_CTX *c, const unsigned char
    *sig, size_t size, const unsigned char *p, size_t n), (c, sig, size, p,
    n))
CRYPTO_CALL(int, EVP_MAC_init, 0, (EVP_MAC_CTX *c, const unsigned char *k,
    size_t n, const OSSL_PARAM *p), (c, k, n, p))
CRYPTO_CALL(int, EVP_MAC_update, 0, (EVP_MAC_CTX *c, const unsigned char *p,
    size_t n), (c, p, n))
CRYPTO_CALL(int, EVP_MAC_final, 0, (EVP_MAC_CTX *c, unsigned char *to, size_t
    *n, size_t room), (c, to, n, room))
CRYPTO_CALL(int, EVP_Q_digest, 0, (OSSL_LIB_CTX *l, const char *name, const
    char *how, const void *p, size_t n, unsigned char *to, size_t *size), (l,
    name, how, p, n, to, size))
CRYPTO_CALL(int, EVP_PKEY_get_raw_public_key, 0, (const EVP_PKEY *k, unsigned
    char *to, size_t *n), (k, to, n))
CRYPTO_CALL(int, EVP_PKEY_get_group_name, 0, (const EVP_PKEY *k, char *to,
    size_t room, size_t *n), (k, to, room, n))
CRYPTO_CALL(int, PEM_write_PUBKEY, 0, (FILE *f, const EVP_PKEY *k), (f, k))
CRYPTO_CALL(int, RAND_priv_bytes, 0, (unsigned char *p, int n), (p, n))
CRYPTO_CALL(int, SSL_CTX_load_verify_locations, 0, (SSL_CTX *c, const char
    *file, const char *dir), (c, file, dir))
CRYPTO_CALL(int, SSL_CTX_set_default_verify_paths, 0, (SSL_CTX *c), (c))
CRYPTO_CALL(int, SSL_CTX_use_PrivateKey_file, 0, (SSL_CTX *c, const char
    *file, int type), (c, file, type))
CRYPTO_CALL(int, SSL_CTX_use_certificate_chain_file, 0, (SSL_CTX *c, const
    char *file), (c, file))
CRYPTO_CALL(int, SSL_set_fd, 0, (SSL *s, int fd), (s, fd))
CRYPTO_CALL(int, SSL_set_ex_data, 0, (SSL *s, int i, void *p), (s, i, p))
CRYPTO_CALL(int, SSL_write_ex, 0, (SSL *s, const void *p, size_t n, size_t
    *done), (s, p, n, done))
CRYPTO_CALL(int, SSL_read_ex, 0, (SSL *s, void *p, size_t n, size_t *done),
    (s, p, n, done))
CRYPTO_CALL(int, X509_STORE_CTX_init, 0, (X509_STORE_CTX *c, X509_STORE *s,
    X509 *x, STACK_OF(X509) *all), (c, s, x, all))
CRYPTO_CALL(int, X509_STORE_load_file, 0, (X509_STORE *s, const char *file),
    (s, file))
CRYPTO_CALL(int, X509_STORE_load_path, 0, (X509_STORE *s, const char *path),
    (s, path))
CRYPTO_CALL(int, X509_digest, 0, (const X509 *x, const EVP_MD *md, unsigned
    char *to, unsigned *n), (x, md, to, n))
CRYPTO_CALL(int, ASN1_TIME_to_tm, 0, (const ASN1_TIME *t, struct tm *tm), (t,
    tm))
CRYPTO_CALL(int, ASN1_TIME_diff, 0, (int *days, int *seconds, const ASN1_TIME
    *from, const ASN1_TIME *to), (days, seconds, from, to))
CRYPTO_CALL(int, OPENSSL_sk_push, 0, (OPENSSL_STACK *s, const void *p), (s,
    p))

#define SYSTEM_CALL(type, name, bad, parameters, arguments)                   \
	type name parameters                                                  \
	{                                                                     \
		static type (*real) parameters;                               \
		uintptr_t at = (uintptr_t)__builtin_return_address(0);        \
		if (real == NULL)                                             \
			real = (type (*) parameters)dlsym(RTLD_NEXT, #name);  \
		return at >= program && at < program_end && fails(SYSTEM) ?   \
		    bad : real arguments;                                     \
	}

SYSTEM_CALL(int, dup, -1, (int fd), (fd))
SYSTEM_CALL(int, dup2, -1, (int fd, int to), (fd, to))
SYSTEM_CALL(int, flock, -1, (int fd, int how), (fd, how))
SYSTEM_CALL(ssize_t, getrandom, -1, (void *p, size_t n, unsigned flags), (p,
    n, flags))
SYSTEM_CALL(int, mkdirat, -1, (int dir, const char *name, mode_t mode), (dir,
    name, mode))
SYSTEM_CALL(int, statvfs, -1, (const char *path, struct statvfs *fs), (path,
    fs))
SYSTEM_CALL(pid_t, fork, -1, (void), ())
SYSTEM_CALL(int, pipe2, -1, (int ends[2], int flags), (ends, flags))
SYSTEM_CALL(FILE *, fdopen, NULL, (int fd, const char *mode), (fd, mode))
SYSTEM_CALL(DIR *, fdopendir, NULL, (int fd), (fd))
SYSTEM_CALL(FILE *, tmpfile, NULL, (void), ())
SYSTEM_CALL(FILE *, open_memstream, NULL, (char **p, size_t *n), (p, n))
SYSTEM_CALL(FILE *, fmemopen, NULL, (void *p, size_t n, const char *mode), (p,
    n, mode))
SYSTEM_CALL(int, fseeko, -1, (FILE *f, off_t where, int from), (f, where, from))
SYSTEM_CALL(int, socket, -1, (int domain, int type, int protocol), (domain,
    type, protocol))
SYSTEM_CALL(int, pthread_create, EAGAIN, (pthread_t *t, const pthread_attr_t
    *a, void *(*f)(void *), void *arg), (t, a, f, arg))

int
fcntl(int fd, int command, ...)
{
	static int (*real)(int, int, ...);
	uintptr_t at = (uintptr_t)__builtin_return_address(0);
	va_list ap;
	long value;

	va_start(ap, command);
	value = va_arg(ap, long);
	va_end(ap);
	if (real == NULL)
		real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, "fcntl");
	return at >= program && at < program_end && fails(SYSTEM) ? -1 :
	    real(fd, command, value);
}

/* Each call of LMDB that can fail: what it returns instead. */
#define MDB_CALL(name, parameters, arguments)                                 \
	int name parameters                                                   \
	{                                                                     \
		static int (*real) parameters;                                \
		if (real == NULL)                                             \
			real = (int (*) parameters)dlsym(RTLD_NEXT, #name);   \
		return fails(MDB) ? error : real arguments;                   \
	}

MDB_CALL(mdb_env_create, (MDB_env **env), (env))
MDB_CALL(mdb_env_open, (MDB_env *env, const char *path, unsigned flags,
    mdb_mode_t mode), (env, path, flags, mode))
MDB_CALL(mdb_env_set_mapsize, (MDB_env *env, size_t n), (env, n))
MDB_CALL(mdb_env_set_maxreaders, (MDB_env *env, unsigned n), (env, n))
MDB_CALL(mdb_env_get_fd, (MDB_env *env, mdb_filehandle_t *fd), (env, fd))
MDB_CALL(mdb_env_info, (MDB_env *env, MDB_envinfo *info), (env, info))
MDB_CALL(mdb_txn_begin, (MDB_env *env, MDB_txn *parent, unsigned flags,
    MDB_txn **txn), (env, parent, flags, txn))
MDB_CALL(mdb_txn_renew, (MDB_txn *txn), (txn))
MDB_CALL(mdb_dbi_open, (MDB_txn *txn, const char *name, unsigned flags,
    MDB_dbi *dbi), (txn, name, flags, dbi))
MDB_CALL(mdb_stat, (MDB_txn *txn, MDB_dbi dbi, MDB_stat *stat),
    (txn, dbi, stat))
MDB_CALL(mdb_get, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
    (txn, dbi, key, value))
MDB_CALL(mdb_put, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value,
    unsigned flags), (txn, dbi, key, value, flags))
MDB_CALL(mdb_del, (MDB_txn *txn, MDB_dbi dbi, MDB_val *key, MDB_val *value),
    (txn, dbi, key, value))
MDB_CALL(mdb_drop, (MDB_txn *txn, MDB_dbi dbi, int del), (txn, dbi, del))
MDB_CALL(mdb_cursor_open, (MDB_txn *txn, MDB_dbi dbi, MDB_cursor **cursor),
    (txn, dbi, cursor))
MDB_CALL(mdb_cursor_get, (MDB_cursor *cursor, MDB_val *key, MDB_val *value,
    MDB_cursor_op op), (cursor, key, value, op))

/* A commit that fails has freed the transaction, as any commit has. */
int
mdb_txn_commit(MDB_txn *txn)
{
	static int (*real)(MDB_txn *);

	if (real == NULL)
		real = (int (*)(MDB_txn *))dlsym(RTLD_NEXT, "mdb_txn_commit");
	if (!fails(MDB))
		return real(txn);
	mdb_txn_abort(txn);
	return error;
}

/* Calls of libldap by the program and by libldap itself. */
#define LDAP_CALL(name, parameters, arguments)                                \
	int name parameters                                                   \
	{                                                                     \
		static int (*real) parameters;                                \
		if (real == NULL)                                             \
			real = (int (*) parameters)dlsym(RTLD_NEXT, #name);   \
		return fails(DIRECTORY) ? error : real arguments;             \
	}

int
ldap_initialize(LDAP **ld, const char *uri)
{
	static int (*real)(LDAP **, const char *);
	int answer;

	if (real == NULL)
		real = (int (*)(LDAP **, const char *))
		    dlsym(RTLD_NEXT, "ldap_initialize");
	if (fails(DIRECTORY))
		return error;
	beginning++;
	answer = real(ld, uri);
	beginning--;
	return answer;
}

/*
 * Without memory libc's getpwnam(3) and the like follow NULL, or abort: they
 * fail as a whole here.
 */
#define USER_CALL(type, name, parameter, argument)                            \
	type *name(parameter)                                                 \
	{                                                                     \
		static type *(*real)(parameter);                              \
		type *found;                                                  \
		if (real == NULL)                                             \
			real = (type *(*)(parameter))dlsym(RTLD_NEXT, #name); \
		beginning++;                                                  \
		found = real(argument);                                       \
		beginning--;                                                  \
		return found;                                                 \
	}

USER_CALL(struct passwd, getpwnam, const char *name, name)
USER_CALL(struct passwd, getpwuid, uid_t uid, uid)
USER_CALL(struct group, getgrnam, const char *name, name)
USER_CALL(struct group, getgrgid, gid_t gid, gid)

LDAP_CALL(ldap_set_option, (LDAP *ld, int option, const void *value),
    (ld, option, value))
LDAP_CALL(ldap_get_option, (LDAP *ld, int option, void *value),
    (ld, option, value))
LDAP_CALL(ldap_sasl_bind_s, (LDAP *ld, const char *dn, const char *mechanism,
    struct berval *secret, LDAPControl **ours, LDAPControl **theirs,
    struct berval **answer), (ld, dn, mechanism, secret, ours, theirs, answer))
LDAP_CALL(ldap_search_ext_s, (LDAP *ld, const char *base, int scope,
    const char *filter, char **attributes, int only, LDAPControl **ours,
    LDAPControl **theirs, struct timeval *limit, int most,
    LDAPMessage **message), (ld, base, scope, filter, attributes, only, ours,
    theirs, limit, most, message))
LDAP_CALL(ldap_search_ext, (LDAP *ld, const char *base, int scope,
    const char *filter, char **attributes, int only, LDAPControl **ours,
    LDAPControl **theirs, struct timeval *limit, int most, int *id), (ld, base,
    scope, filter, attributes, only, ours, theirs, limit, most, id))
LDAP_CALL(ldap_result, (LDAP *ld, int id, int all, struct timeval *limit,
    LDAPMessage **message), (ld, id, all, limit, message))
LDAP_CALL(ldap_parse_result, (LDAP *ld, LDAPMessage *message, int *code,
    char **dn, char **words, char ***referrals, LDAPControl ***controls,
    int release), (ld, message, code, dn, words, referrals, controls, release))
LDAP_CALL(ldap_get_entry_controls, (LDAP *ld, LDAPMessage *entry,
    LDAPControl ***controls), (ld, entry, controls))
LDAP_CALL(ldap_sync_init, (ldap_sync_t *sync, int mode), (sync, mode))
LDAP_CALL(ldap_sync_poll, (ldap_sync_t *sync), (sync))
LDAP_CALL(ldap_get_dn_ber, (LDAP *ld, LDAPMessage *entry, BerElement **ber,
    struct berval *name), (ld, entry, ber, name))
LDAP_CALL(ldap_get_attribute_ber, (LDAP *ld, LDAPMessage *entry,
    BerElement *ber, struct berval *name, struct berval **values),
    (ld, entry, ber, name, values))
LDAP_CALL(ldap_parse_intermediate, (LDAP *ld, LDAPMessage *message, char **oid,
    struct berval **data, LDAPControl ***controls, int release),
    (ld, message, oid, data, controls, release))
LDAP_CALL(ldap_add_ext_s, (LDAP *ld, const char *dn, LDAPMod **entry,
    LDAPControl **ours, LDAPControl **theirs), (ld, dn, entry, ours, theirs))
LDAP_CALL(ldap_modify_ext_s, (LDAP *ld, const char *dn, LDAPMod **changes,
    LDAPControl **ours, LDAPControl **theirs), (ld, dn, changes, ours, theirs))
LDAP_CALL(ldap_delete_ext_s, (LDAP *ld, const char *dn, LDAPControl **ours,
    LDAPControl **theirs), (ld, dn, ours, theirs))
