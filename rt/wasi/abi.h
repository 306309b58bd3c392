/* Numbers and layouts of WASI preview 1 and preview 0, after the `typenames.witx` and `wasi_snapshot_preview1.witx` /
 * `wasi_unstable.witx` of the WASI repository (legacy/preview1, legacy/preview0). All structures are little-endian
 * bytes in guest memory; they are read and written byte-wise below, so neither the host's byte order nor its struct
 * padding matters. */
#ifndef PAL_WASI_ABI_H
#define PAL_WASI_ABI_H
#include <stdint.h>

/* $errno: the values are positions in the witx enum. */
enum {
	WASI_OK = 0, WASI_2BIG = 1, WASI_ACCES = 2, WASI_ADDRINUSE = 3, WASI_ADDRNOTAVAIL = 4, WASI_AFNOSUPPORT = 5,
	WASI_AGAIN = 6, WASI_ALREADY = 7, WASI_BADF = 8, WASI_BADMSG = 9, WASI_BUSY = 10, WASI_CANCELED = 11,
	WASI_CHILD = 12, WASI_CONNABORTED = 13, WASI_CONNREFUSED = 14, WASI_CONNRESET = 15, WASI_DEADLK = 16,
	WASI_DESTADDRREQ = 17, WASI_DOM = 18, WASI_DQUOT = 19, WASI_EXIST = 20, WASI_FAULT = 21, WASI_FBIG = 22,
	WASI_HOSTUNREACH = 23, WASI_IDRM = 24, WASI_ILSEQ = 25, WASI_INPROGRESS = 26, WASI_INTR = 27, WASI_INVAL = 28,
	WASI_IO = 29, WASI_ISCONN = 30, WASI_ISDIR = 31, WASI_LOOP = 32, WASI_MFILE = 33, WASI_MLINK = 34,
	WASI_MSGSIZE = 35, WASI_MULTIHOP = 36, WASI_NAMETOOLONG = 37, WASI_NETDOWN = 38, WASI_NETRESET = 39,
	WASI_NETUNREACH = 40, WASI_NFILE = 41, WASI_NOBUFS = 42, WASI_NODEV = 43, WASI_NOENT = 44, WASI_NOEXEC = 45,
	WASI_NOLCK = 46, WASI_NOLINK = 47, WASI_NOMEM = 48, WASI_NOMSG = 49, WASI_NOPROTOOPT = 50, WASI_NOSPC = 51,
	WASI_NOSYS = 52, WASI_NOTCONN = 53, WASI_NOTDIR = 54, WASI_NOTEMPTY = 55, WASI_NOTRECOVERABLE = 56,
	WASI_NOTSOCK = 57, WASI_NOTSUP = 58, WASI_NOTTY = 59, WASI_NXIO = 60, WASI_OVERFLOW = 61, WASI_OWNERDEAD = 62,
	WASI_PERM = 63, WASI_PIPE = 64, WASI_PROTO = 65, WASI_PROTONOSUPPORT = 66, WASI_PROTOTYPE = 67, WASI_RANGE = 68,
	WASI_ROFS = 69, WASI_SPIPE = 70, WASI_SRCH = 71, WASI_STALE = 72, WASI_TIMEDOUT = 73, WASI_TXTBSY = 74,
	WASI_XDEV = 75, WASI_NOTCAPABLE = 76
};

/* $clockid */
enum { WASI_CLOCK_REALTIME = 0, WASI_CLOCK_MONOTONIC = 1, WASI_CLOCK_PROCESS_CPU = 2, WASI_CLOCK_THREAD_CPU = 3 };

/* $filetype. FIFOs have no number of their own: they are UNKNOWN, as in other engines. */
enum {
	WASI_TYPE_UNKNOWN = 0, WASI_TYPE_BLOCK_DEVICE = 1, WASI_TYPE_CHARACTER_DEVICE = 2, WASI_TYPE_DIRECTORY = 3,
	WASI_TYPE_REGULAR_FILE = 4, WASI_TYPE_SOCKET_DGRAM = 5, WASI_TYPE_SOCKET_STREAM = 6, WASI_TYPE_SYMBOLIC_LINK = 7
};

/* $rights */
#define WASI_RIGHT_FD_DATASYNC (UINT64_C(1) << 0)
#define WASI_RIGHT_FD_READ (UINT64_C(1) << 1)
#define WASI_RIGHT_FD_SEEK (UINT64_C(1) << 2)
#define WASI_RIGHT_FD_FDSTAT_SET_FLAGS (UINT64_C(1) << 3)
#define WASI_RIGHT_FD_SYNC (UINT64_C(1) << 4)
#define WASI_RIGHT_FD_TELL (UINT64_C(1) << 5)
#define WASI_RIGHT_FD_WRITE (UINT64_C(1) << 6)
#define WASI_RIGHT_FD_ADVISE (UINT64_C(1) << 7)
#define WASI_RIGHT_FD_ALLOCATE (UINT64_C(1) << 8)
#define WASI_RIGHT_PATH_CREATE_DIRECTORY (UINT64_C(1) << 9)
#define WASI_RIGHT_PATH_CREATE_FILE (UINT64_C(1) << 10)
#define WASI_RIGHT_PATH_LINK_SOURCE (UINT64_C(1) << 11)
#define WASI_RIGHT_PATH_LINK_TARGET (UINT64_C(1) << 12)
#define WASI_RIGHT_PATH_OPEN (UINT64_C(1) << 13)
#define WASI_RIGHT_FD_READDIR (UINT64_C(1) << 14)
#define WASI_RIGHT_PATH_READLINK (UINT64_C(1) << 15)
#define WASI_RIGHT_PATH_RENAME_SOURCE (UINT64_C(1) << 16)
#define WASI_RIGHT_PATH_RENAME_TARGET (UINT64_C(1) << 17)
#define WASI_RIGHT_PATH_FILESTAT_GET (UINT64_C(1) << 18)
#define WASI_RIGHT_PATH_FILESTAT_SET_SIZE (UINT64_C(1) << 19)
#define WASI_RIGHT_PATH_FILESTAT_SET_TIMES (UINT64_C(1) << 20)
#define WASI_RIGHT_FD_FILESTAT_GET (UINT64_C(1) << 21)
#define WASI_RIGHT_FD_FILESTAT_SET_SIZE (UINT64_C(1) << 22)
#define WASI_RIGHT_FD_FILESTAT_SET_TIMES (UINT64_C(1) << 23)
#define WASI_RIGHT_PATH_SYMLINK (UINT64_C(1) << 24)
#define WASI_RIGHT_PATH_REMOVE_DIRECTORY (UINT64_C(1) << 25)
#define WASI_RIGHT_PATH_UNLINK_FILE (UINT64_C(1) << 26)
#define WASI_RIGHT_POLL_FD_READWRITE (UINT64_C(1) << 27)
#define WASI_RIGHT_SOCK_SHUTDOWN (UINT64_C(1) << 28)
#define WASI_RIGHT_SOCK_ACCEPT (UINT64_C(1) << 29)

/* $fdflags, $oflags, $lookupflags, $fstflags */
enum { WASI_FD_APPEND = 1, WASI_FD_DSYNC = 2, WASI_FD_NONBLOCK = 4, WASI_FD_RSYNC = 8, WASI_FD_SYNC = 16,
       WASI_FD_ALL = 31 };
enum { WASI_O_CREAT = 1, WASI_O_DIRECTORY = 2, WASI_O_EXCL = 4, WASI_O_TRUNC = 8, WASI_O_ALL = 15 };
enum { WASI_LOOKUP_FOLLOW = 1, WASI_LOOKUP_ALL = 1 };
enum { WASI_FST_ATIM = 1, WASI_FST_ATIM_NOW = 2, WASI_FST_MTIM = 4, WASI_FST_MTIM_NOW = 8, WASI_FST_ALL = 15 };

/* $whence; preview 0 had another order. */
enum { WASI_WHENCE_SET = 0, WASI_WHENCE_CUR = 1, WASI_WHENCE_END = 2 };
enum { WASI0_WHENCE_CUR = 0, WASI0_WHENCE_END = 1, WASI0_WHENCE_SET = 2 };

/* $advice */
enum {
	WASI_ADVICE_NORMAL = 0, WASI_ADVICE_SEQUENTIAL = 1, WASI_ADVICE_RANDOM = 2, WASI_ADVICE_WILLNEED = 3,
	WASI_ADVICE_DONTNEED = 4, WASI_ADVICE_NOREUSE = 5
};

/* $eventtype, $eventrwflags, $subclockflags */
enum { WASI_EVENT_CLOCK = 0, WASI_EVENT_FD_READ = 1, WASI_EVENT_FD_WRITE = 2 };
enum { WASI_EVENT_HANGUP = 1 };
enum { WASI_SUBCLOCK_ABSTIME = 1 };

/* $riflags, $roflags, $sdflags */
enum { WASI_RECV_PEEK = 1, WASI_RECV_WAITALL = 2, WASI_RECV_ALL = 3 };
enum { WASI_RECV_TRUNCATED = 1 };
enum { WASI_SHUT_RD = 1, WASI_SHUT_WR = 2 };

/* $signal: the highest number. */
enum { WASI_SIGNAL_MAX = 30 };

/* Sizes of structures and offsets of their fields. */
enum { WASI_IOVEC_SIZE = 8, WASI_IOVEC_BUF = 0, WASI_IOVEC_LENGTH = 4 };
enum { WASI_FDSTAT_SIZE = 24, WASI_FDSTAT_TYPE = 0, WASI_FDSTAT_FLAGS = 2, WASI_FDSTAT_BASE = 8,
       WASI_FDSTAT_INHERITING = 16 };
enum {
	WASI_FILESTAT_SIZE = 64, WASI_FILESTAT_DEV = 0, WASI_FILESTAT_INO = 8, WASI_FILESTAT_TYPE = 16,
	WASI_FILESTAT_NLINK = 24, WASI_FILESTAT_BYTES = 32, WASI_FILESTAT_ATIM = 40, WASI_FILESTAT_MTIM = 48,
	WASI_FILESTAT_CTIM = 56
};
/* Preview 0: $linkcount is u32, so everything behind it stands 8 bytes earlier. */
enum { WASI0_FILESTAT_SIZE = 56, WASI0_FILESTAT_NLINK = 20, WASI0_FILESTAT_BYTES = 24 };
enum { WASI_DIRENT_SIZE = 24, WASI_DIRENT_NEXT = 0, WASI_DIRENT_INO = 8, WASI_DIRENT_NAMLEN = 16,
       WASI_DIRENT_TYPE = 20 };
enum { WASI_PRESTAT_SIZE = 8, WASI_PRESTAT_TAG = 0, WASI_PRESTAT_LENGTH = 4 };
enum { WASI_PREOPEN_DIR = 0 };
enum {
	WASI_SUBSCRIPTION_SIZE = 48, WASI_SUBSCRIPTION_USERDATA = 0, WASI_SUBSCRIPTION_TAG = 8, WASI_SUBSCRIPTION_UNION = 16
};
/* In the union: $subscription_fd_readwrite is the descriptor; $subscription_clock is this. */
enum { WASI_CLOCK_ID = 0, WASI_CLOCK_TIMEOUT = 8, WASI_CLOCK_PRECISION = 16, WASI_CLOCK_FLAGS = 24 };
/* Preview 0: a u64 identifier stands before the clock's id. */
enum { WASI0_SUBSCRIPTION_SIZE = 56, WASI0_CLOCK_SHIFT = 8 };
enum {
	WASI_EVENT_SIZE = 32, WASI_EVENT_USERDATA = 0, WASI_EVENT_ERROR = 8, WASI_EVENT_TYPE = 10, WASI_EVENT_NBYTES = 16,
	WASI_EVENT_FLAGS = 24
};

static inline uint16_t wasi_u16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t wasi_u32(const uint8_t *p) { return wasi_u16(p) | (uint32_t)wasi_u16(p + 2) << 16; }
static inline uint64_t wasi_u64(const uint8_t *p) { return wasi_u32(p) | (uint64_t)wasi_u32(p + 4) << 32; }
static inline void wasi_set_u16(uint8_t *p, uint16_t v) { p[0] = (uint8_t)v; p[1] = (uint8_t)(v >> 8); }
static inline void wasi_set_u32(uint8_t *p, uint32_t v)
{
	wasi_set_u16(p, (uint16_t)v);
	wasi_set_u16(p + 2, (uint16_t)(v >> 16));
}
static inline void wasi_set_u64(uint8_t *p, uint64_t v)
{
	wasi_set_u32(p, (uint32_t)v);
	wasi_set_u32(p + 4, (uint32_t)(v >> 32));
}
#endif
