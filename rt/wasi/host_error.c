#include "host_error.h"
#include <errno.h>

#define MAP(name) { E##name, WASI_##name }

/* Pairs rather than a switch: some hosts give one number to two names (EAGAIN and EWOULDBLOCK, ENOTSUP and
 * EOPNOTSUPP), and then the first pair decides. The common ones come first. */
static const struct { int host; int32_t wasi; } numbers[] = {
	MAP(NOENT), MAP(EXIST), MAP(AGAIN), MAP(BADF), MAP(NOTDIR), MAP(ISDIR), MAP(ACCES), MAP(PERM), MAP(INVAL),
	MAP(NOTEMPTY), MAP(LOOP), MAP(FAULT), MAP(INTR), MAP(PIPE), MAP(SPIPE), MAP(MFILE), MAP(NFILE), MAP(NAMETOOLONG),
	MAP(NOSPC), MAP(ROFS), MAP(XDEV), MAP(NOMEM), MAP(IO), MAP(FBIG), MAP(MLINK), MAP(BUSY), MAP(TXTBSY), MAP(OVERFLOW),
	MAP(NODEV), MAP(NXIO), MAP(NOTTY), MAP(NOTSUP), { EOPNOTSUPP, WASI_NOTSUP }, { EWOULDBLOCK, WASI_AGAIN },
	MAP(NOSYS), MAP(ADDRINUSE), MAP(ADDRNOTAVAIL), MAP(AFNOSUPPORT), MAP(ALREADY), MAP(BADMSG), MAP(CANCELED),
	MAP(CHILD), MAP(CONNABORTED), MAP(CONNREFUSED), MAP(CONNRESET), MAP(DEADLK), MAP(DESTADDRREQ), MAP(DOM),
	MAP(HOSTUNREACH), MAP(IDRM), MAP(ILSEQ), MAP(INPROGRESS), MAP(ISCONN), MAP(MSGSIZE), MAP(NETDOWN), MAP(NETRESET),
	MAP(NETUNREACH), MAP(NOBUFS), MAP(NOEXEC), MAP(NOLCK), MAP(NOMSG), MAP(NOPROTOOPT), MAP(NOTCONN), MAP(NOTSOCK),
	MAP(PROTO), MAP(PROTONOSUPPORT), MAP(PROTOTYPE), MAP(RANGE), MAP(SRCH), MAP(TIMEDOUT), { E2BIG, WASI_2BIG },
#ifdef EDQUOT
	MAP(DQUOT),
#endif
#ifdef ESTALE
	MAP(STALE),
#endif
#ifdef EMULTIHOP
	MAP(MULTIHOP),
#endif
#ifdef ENOLINK
	MAP(NOLINK),
#endif
#ifdef ENOTRECOVERABLE
	MAP(NOTRECOVERABLE),
#endif
#ifdef EOWNERDEAD
	MAP(OWNERDEAD),
#endif
};

int32_t pal_wasi_errno(int host)
{
	if (host == 0)
		return WASI_OK;
	for (unsigned i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (numbers[i].host == host)
			return numbers[i].wasi;
	return WASI_IO;
}
