/* What os.h asks for, on Windows. Names are opened one by one, relative to their directory's handle, by the NT calls: these
 * know no drive letters, no device names and no current directory, and with FILE_OPEN_REPARSE_POINT they follow nothing.
 * Names that other programs could not use, or that mean something else to Win32, are refused all the same. */
#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include "os.h"
#undef stat
#undef poll
#include <windows.h>
#include <winternl.h>
#include <ntsecapi.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* What old headers lack. */
#ifndef FILE_OPEN_REPARSE_POINT
#define FILE_OPEN_REPARSE_POINT 0x00200000
#endif
enum { RENAME = 10, LINK = 11, DISPOSITION = 13, DISPOSITION_EX = 64, RENAME_EX = 65 }; /* FILE_INFORMATION_CLASS */
enum { EX_DELETE = 1, EX_POSIX = 2, EX_IGNORE_READONLY = 16, EX_REPLACE = 1 };

/* The NT calls, from a library that every process has: so programs need not be linked with it. */
struct nt {
	NTSTATUS (NTAPI *create)(HANDLE *, ACCESS_MASK, OBJECT_ATTRIBUTES *, IO_STATUS_BLOCK *, LARGE_INTEGER *, ULONG, ULONG,
	                         ULONG, ULONG, void *, ULONG);
	NTSTATUS (NTAPI *set_information)(HANDLE, IO_STATUS_BLOCK *, void *, ULONG, FILE_INFORMATION_CLASS);
	ULONG (NTAPI *error)(NTSTATUS);
};

static BOOL CALLBACK find_nt(PINIT_ONCE once, void *found, void **context)
{
	(void)once, (void)context;
	struct nt *nt = found;
	HMODULE library = GetModuleHandleW(L"ntdll.dll");
	FARPROC create = GetProcAddress(library, "NtCreateFile"), set = GetProcAddress(library, "NtSetInformationFile");
	FARPROC error = GetProcAddress(library, "RtlNtStatusToDosError");
	memcpy(&nt->create, &create, sizeof create); /* pointers to functions of other types are not converted */
	memcpy(&nt->set_information, &set, sizeof set);
	memcpy(&nt->error, &error, sizeof error);
	return TRUE;
}

static const struct nt *nt(void)
{
	static INIT_ONCE once = INIT_ONCE_STATIC_INIT;
	static struct nt found;
	InitOnceExecuteOnce(&once, find_nt, &found, NULL);
	return &found;
}

static HANDLE handle_of(int descriptor)
{
	return (HANDLE)(intptr_t)descriptor; /* handles have 32 bits, sign-extended */
}

static int descriptor_of(HANDLE handle)
{
	return (int)(intptr_t)handle;
}

/* ---- Errors ---- */

static const struct { DWORD windows; int number; } errors[] = {
	{ ERROR_FILE_NOT_FOUND, ENOENT }, { ERROR_PATH_NOT_FOUND, ENOENT }, { ERROR_INVALID_NAME, ENOENT },
	{ ERROR_BAD_PATHNAME, ENOENT }, { ERROR_DELETE_PENDING, ENOENT }, { ERROR_ACCESS_DENIED, EACCES },
	{ ERROR_SHARING_VIOLATION, EBUSY }, { ERROR_LOCK_VIOLATION, EAGAIN }, { ERROR_FILE_EXISTS, EEXIST },
	{ ERROR_ALREADY_EXISTS, EEXIST }, { ERROR_DIR_NOT_EMPTY, ENOTEMPTY }, { ERROR_DIRECTORY, ENOTDIR },
	{ 336 /* ERROR_DIRECTORY_NOT_SUPPORTED */, EISDIR }, { ERROR_INVALID_HANDLE, EBADF }, { ERROR_NOT_ENOUGH_MEMORY, ENOMEM },
	{ ERROR_OUTOFMEMORY, ENOMEM }, { ERROR_TOO_MANY_OPEN_FILES, EMFILE }, { ERROR_DISK_FULL, ENOSPC },
	{ ERROR_HANDLE_DISK_FULL, ENOSPC }, { ERROR_WRITE_PROTECT, EROFS }, { ERROR_BROKEN_PIPE, EPIPE },
	{ ERROR_NO_DATA, EPIPE }, { ERROR_NOT_SAME_DEVICE, EXDEV }, { ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG },
	{ ERROR_NOACCESS, EFAULT }, { ERROR_INVALID_USER_BUFFER, EFAULT }, { ERROR_INVALID_PARAMETER, EINVAL },
	{ ERROR_NEGATIVE_SEEK, EINVAL }, { ERROR_NOT_SUPPORTED, ENOTSUP }, { ERROR_INVALID_FUNCTION, ENOTSUP },
	{ ERROR_TOO_MANY_LINKS, EMLINK }, { ERROR_FILE_TOO_LARGE, EFBIG }, { ERROR_PRIVILEGE_NOT_HELD, EPERM },
};

/* -1, with errno for the error. */
static int fail_with(DWORD error)
{
	errno = EIO;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (errors[i].windows == error)
			errno = errors[i].number;
	return -1;
}

static int fail(void)
{
	return fail_with(GetLastError());
}

static int fail_as(int number)
{
	errno = number;
	return -1;
}

/* Win32 has one word for several of these. */
static int fail_status(NTSTATUS status)
{
	switch ((ULONG)status) {
	case 0xC00000BA: return fail_as(EISDIR);    /* STATUS_FILE_IS_A_DIRECTORY */
	case 0xC0000103: return fail_as(ENOTDIR);   /* STATUS_NOT_A_DIRECTORY */
	case 0xC0000101: return fail_as(ENOTEMPTY); /* STATUS_DIRECTORY_NOT_EMPTY */
	case 0xC0000121: return fail_as(EPERM);     /* STATUS_CANNOT_DELETE */
	}
	return fail_with(nt()->error(status));
}

static int result_of(NTSTATUS status)
{
	return status < 0 ? fail_status(status) : 0;
}

/* ---- Names ---- */

struct name {
	WCHAR text[256];
	size_t length; /* 0: the directory itself */
};

static bool is_reserved(const WCHAR *text, size_t length)
{
	static const WCHAR *const words[] = {
		L"CON", L"PRN", L"AUX", L"NUL", L"CONIN$", L"CONOUT$", L"CLOCK$",
		/* In the top directory of a volume, NTFS' own: some Windows hang when these are used as directories. */
		L"$MFT", L"$MFTMIRR", L"$LOGFILE", L"$VOLUME", L"$ATTRDEF", L"$BITMAP", L"$BOOT", L"$BADCLUS", L"$SECURE", L"$UPCASE",
		L"$EXTEND",
	};
	static const WCHAR *const numbered[] = { L"COM", L"LPT" };
	size_t stem = 0;
	while (stem < length && text[stem] != '.')
		stem++;
	while (stem > 0 && text[stem - 1] == ' ')
		stem--;
	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (wcslen(words[i]) == stem && _wcsnicmp(text, words[i], stem) == 0)
			return true;
	for (size_t i = 0; i < sizeof numbered / sizeof *numbered; i++) /* with a digit, or a superscript 1, 2, 3 */
		if (stem == 4 && _wcsnicmp(text, numbered[i], 3) == 0 && wcschr(L"0123456789\u00b9\u00b2\u00b3", text[3]))
			return true;
	return false;
}

static bool is_usable(const WCHAR *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < 32 || wcschr(L"<>:\"|?*\\/", text[i]))
			return false;
	return text[length - 1] != '.' && text[length - 1] != ' ' && !is_reserved(text, length);
}

/* False, with errno: ENOENT for a name that nothing can have, but EINVAL if it is to be made. */
static bool convert(struct name *out, const char *name, bool make)
{
	out->length = 0;
	if (strcmp(name, ".") == 0)
		return true;
	int length = MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, name, -1, out->text, 256);
	if (length <= 1) {
		errno = length == 0 && GetLastError() == ERROR_INSUFFICIENT_BUFFER ? ENAMETOOLONG : ENOENT;
		return false;
	}
	out->length = (size_t)length - 1;
	if (is_usable(out->text, out->length))
		return true;
	errno = make ? EINVAL : ENOENT;
	return false;
}

/* ---- Opening ---- */

enum { SHARE_ALL = FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE };

/* Opens one name; *out is closed unless this succeeds. Never follows a link: it is opened itself. */
static NTSTATUS open_name(int directory, struct name *name, ACCESS_MASK access, ULONG disposition, ULONG options, HANDLE *out)
{
	USHORT bytes = (USHORT)(name->length * sizeof(WCHAR)); /* at most 255 units */
	UNICODE_STRING text = { bytes, bytes, name->text };
	OBJECT_ATTRIBUTES attributes;
	IO_STATUS_BLOCK block;
	InitializeObjectAttributes(&attributes, &text, OBJ_CASE_INSENSITIVE, handle_of(directory), NULL);
	return nt()->create(out, access | SYNCHRONIZE | FILE_READ_ATTRIBUTES, &attributes, &block, NULL, FILE_ATTRIBUTE_NORMAL,
	                    SHARE_ALL, disposition, options | FILE_SYNCHRONOUS_IO_NONALERT | FILE_OPEN_REPARSE_POINT, NULL, 0);
}

/* Opens what exists, for its attributes or to remove or rename it: -1 and errno. */
static int open_existing(int directory, const char *name, ACCESS_MASK access, ULONG options, HANDLE *out)
{
	struct name wide;
	if (!convert(&wide, name, false))
		return -1;
	return result_of(open_name(directory, &wide, access, FILE_OPEN, options, out));
}

/* What can't be asked may be one. */
static bool is_link(HANDLE file)
{
	BY_HANDLE_FILE_INFORMATION info;
	return !GetFileInformationByHandle(file, &info) || (info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

int pal_os_open_directory(const char *path)
{
	WCHAR wide[PATH_MAX];
	if (MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, wide, PATH_MAX) == 0)
		return fail();
	HANDLE file = CreateFileW(wide, FILE_GENERIC_READ | FILE_TRAVERSE, SHARE_ALL, NULL, OPEN_EXISTING,
	                          FILE_FLAG_BACKUP_SEMANTICS, NULL);
	BY_HANDLE_FILE_INFORMATION info;
	if (file == INVALID_HANDLE_VALUE)
		return fail();
	if (GetFileInformationByHandle(file, &info) && (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY))
		return descriptor_of(file);
	CloseHandle(file);
	return fail_as(ENOTDIR);
}

/* The access that flags ask for. */
static ACCESS_MASK access_of(int flags)
{
	switch (flags & (O_WRONLY | O_RDWR)) {
	case O_WRONLY: return FILE_GENERIC_WRITE;
	case O_RDWR: return FILE_GENERIC_READ | FILE_GENERIC_WRITE;
	}
	return FILE_GENERIC_READ;
}

/* A mode may follow, but the directory decides who may use what is made in it. */
int pal_os_openat(int directory, const char *name, int flags, ...)
{
	struct name wide;
	HANDLE file;
	bool write = flags & (O_WRONLY | O_RDWR), create = flags & O_CREAT;
	if (!convert(&wide, name, create))
		return -1;
	ULONG options = flags & O_DIRECTORY ? FILE_DIRECTORY_FILE : write || create ? FILE_NON_DIRECTORY_FILE : 0;
	ULONG disposition = !create ? FILE_OPEN : flags & O_EXCL ? FILE_CREATE : FILE_OPEN_IF;
	options |= flags & (O_SYNC | O_DSYNC) ? FILE_WRITE_THROUGH : 0;
	NTSTATUS status = open_name(directory, &wide, access_of(flags), disposition, options, &file);
	if (status < 0)
		return fail_status(status);
	if (wide.length > 0 && is_link(file)) { /* the directory itself was open before, even if wine sees a mount there */
		CloseHandle(file);
		return fail_as(ELOOP);
	}
	int host = descriptor_of(file);
	if ((flags & O_TRUNC) && pal_os_ftruncate(host, 0)) { /* only now that it is known to be no link */
		int reason = errno;
		CloseHandle(file);
		return fail_as(reason);
	}
	return host;
}

int pal_os_duplicate(int host)
{
	static const DWORD standard[] = { STD_INPUT_HANDLE, STD_OUTPUT_HANDLE, STD_ERROR_HANDLE };
	HANDLE from = host >= 0 && host < 3 ? GetStdHandle(standard[host]) : handle_of(host), own;
	if (from == NULL || from == INVALID_HANDLE_VALUE)
		return fail_as(EBADF);
	if (!DuplicateHandle(GetCurrentProcess(), from, GetCurrentProcess(), &own, 0, FALSE, DUPLICATE_SAME_ACCESS))
		return fail_as(EBADF);
	return descriptor_of(own);
}

int pal_os_close(int host)
{
	return CloseHandle(handle_of(host)) ? 0 : fail();
}

bool pal_os_isatty(int host)
{
	DWORD mode;
	return GetConsoleMode(handle_of(host), &mode);
}

/* ---- Attributes ---- */

/* Of 100 ns, from 1601 to 1970. */
#define EPOCH INT64_C(116444736000000000)

static struct timespec time_of(FILETIME time)
{
	int64_t ticks = (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime) - EPOCH;
	int64_t rest = ticks % 10000000;
	if (rest < 0)
		rest += 10000000;
	return (struct timespec){ .tv_sec = (ticks - rest) / 10000000, .tv_nsec = (long)rest * 100 };
}

static int stat_handle(HANDLE file, struct pal_os_stat *out)
{
	BY_HANDLE_FILE_INFORMATION info;
	*out = (struct pal_os_stat){ .st_mode = PAL_OS_CHARACTERS, .st_nlink = 1 };
	DWORD type = GetFileType(file);
	if (type == FILE_TYPE_PIPE)
		out->st_mode = PAL_OS_PIPE;
	if (type == FILE_TYPE_UNKNOWN && GetLastError() != NO_ERROR)
		return fail();
	if (type != FILE_TYPE_DISK)
		return 0;
	if (!GetFileInformationByHandle(file, &info)) { /* what output was redirected to may be open for nothing but writing */
		LARGE_INTEGER size = { .QuadPart = 0 };
		GetFileSizeEx(file, &size);
		out->st_size = (uint64_t)size.QuadPart;
		out->st_mode = PAL_OS_REGULAR;
		return 0;
	}
	bool directory = info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY;
	bool link = info.dwFileAttributes & FILE_ATTRIBUTE_REPARSE_POINT;
	*out = (struct pal_os_stat){
		.st_dev = info.dwVolumeSerialNumber,
		.st_ino = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow,
		.st_nlink = info.nNumberOfLinks,
		.st_size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow,
		.st_mode = link ? PAL_OS_LINK : directory ? PAL_OS_DIRECTORY : PAL_OS_REGULAR,
		.st_atim = time_of(info.ftLastAccessTime),
		.st_mtim = time_of(info.ftLastWriteTime),
		.st_ctim = time_of(info.ftLastWriteTime), /* Win32 does not tell when attributes were changed */
	};
	return 0;
}

int pal_os_fstat(int host, struct pal_os_stat *out)
{
	return stat_handle(handle_of(host), out);
}

int pal_os_fstatat(int directory, const char *name, struct pal_os_stat *out, int flags)
{
	(void)flags; /* links are never followed */
	HANDLE file;
	if (open_existing(directory, name, 0, 0, &file))
		return -1;
	int result = stat_handle(file, out), reason = errno;
	if (strcmp(name, ".") == 0)
		out->st_mode = PAL_OS_DIRECTORY; /* see pal_os_openat */
	CloseHandle(file);
	errno = reason;
	return result;
}

/* The FILETIME for a new time; one of zeros is left alone. */
static FILETIME new_time(struct timespec time)
{
	FILETIME out = { 0, 0 };
	if (time.tv_nsec == UTIME_NOW)
		GetSystemTimeAsFileTime(&out);
	else if (time.tv_nsec != UTIME_OMIT) {
		uint64_t ticks = (uint64_t)(time.tv_sec * 10000000 + time.tv_nsec / 100 + EPOCH); /* seconds: below 2^35 */
		out = (FILETIME){ (DWORD)ticks, (DWORD)(ticks >> 32) };
	}
	return out;
}

static int set_times(HANDLE file, const struct timespec times[2])
{
	FILETIME access = new_time(times[0]), write = new_time(times[1]);
	return SetFileTime(file, NULL, &access, &write) ? 0 : fail();
}

int pal_os_futimens(int host, const struct timespec times[2])
{
	/* The guest's may be open for reading only. */
	HANDLE file = ReOpenFile(handle_of(host), FILE_WRITE_ATTRIBUTES, SHARE_ALL, FILE_FLAG_BACKUP_SEMANTICS);
	if (file == INVALID_HANDLE_VALUE)
		return set_times(handle_of(host), times);
	int result = set_times(file, times), reason = errno;
	CloseHandle(file);
	errno = reason;
	return result;
}

int pal_os_utimensat(int directory, const char *name, const struct timespec times[2], int flags)
{
	(void)flags;
	HANDLE file;
	if (open_existing(directory, name, FILE_WRITE_ATTRIBUTES, 0, &file))
		return -1;
	int result = set_times(file, times), reason = errno;
	CloseHandle(file);
	errno = reason;
	return result;
}

/* ---- Entries ---- */

int pal_os_mkdirat(int directory, const char *name, unsigned mode)
{
	(void)mode;
	struct name wide;
	HANDLE file;
	if (!convert(&wide, name, true))
		return -1;
	if (wide.length == 0)
		return fail_as(EEXIST);
	NTSTATUS status = open_name(directory, &wide, FILE_LIST_DIRECTORY, FILE_CREATE, FILE_DIRECTORY_FILE, &file);
	if (status < 0)
		return fail_status(status);
	CloseHandle(file);
	return 0;
}

static NTSTATUS set_information(HANDLE file, void *what, size_t size, int class)
{
	IO_STATUS_BLOCK block;
	return nt()->set_information(file, &block, what, (ULONG)size, (FILE_INFORMATION_CLASS)class);
}

/* Takes the name away at once where the system can; elsewhere it goes with the last handle. */
static NTSTATUS remove_handle(HANDLE file)
{
	ULONG flags = EX_DELETE | EX_POSIX | EX_IGNORE_READONLY;
	UCHAR delete = TRUE;
	NTSTATUS status = set_information(file, &flags, sizeof flags, DISPOSITION_EX);
	bool refused = (ULONG)status == 0xC0000101 || (ULONG)status == 0xC0000121; /* not empty; in use as a program */
	return status >= 0 || refused ? status : set_information(file, &delete, sizeof delete, DISPOSITION);
}

int pal_os_unlinkat(int directory, const char *name, int flags)
{
	HANDLE file;
	if (strcmp(name, ".") == 0)
		return fail_as(flags & AT_REMOVEDIR ? EINVAL : EISDIR);
	if (open_existing(directory, name, DELETE, flags & AT_REMOVEDIR ? FILE_DIRECTORY_FILE : FILE_NON_DIRECTORY_FILE, &file))
		return -1;
	NTSTATUS status = remove_handle(file);
	CloseHandle(file);
	return result_of(status);
}

/* FILE_RENAME_INFORMATION and FILE_LINK_INFORMATION, which are the same. */
struct target {
	ULONG flags; /* for the older calls: a byte, whether an entry is replaced */
	HANDLE directory;
	ULONG bytes;
	WCHAR text[256];
};

static bool make_target(struct target *out, int directory, const char *name, ULONG flags)
{
	struct name wide;
	if (!convert(&wide, name, true))
		return false;
	if (wide.length == 0) {
		errno = EEXIST;
		return false;
	}
	*out = (struct target){ .flags = flags, .directory = handle_of(directory), .bytes = (ULONG)(wide.length * sizeof(WCHAR)) };
	memcpy(out->text, wide.text, out->bytes);
	return true;
}

static size_t target_size(const struct target *target)
{
	return offsetof(struct target, text) + target->bytes;
}

/* Windows replaces files, not directories: an empty one in the way of another is removed first. */
static int make_way(HANDLE source, int directory, const char *name)
{
	struct pal_os_stat from, to;
	if (stat_handle(source, &from))
		return -1;
	if (pal_os_fstatat(directory, name, &to, 0))
		return errno == ENOENT ? 0 : -1;
	if (from.st_dev == to.st_dev && from.st_ino == to.st_ino)
		return 0; /* perhaps the same name in other letters */
	if (S_ISDIR(from.st_mode) != S_ISDIR(to.st_mode))
		return fail_as(S_ISDIR(to.st_mode) ? EISDIR : ENOTDIR);
	return S_ISDIR(to.st_mode) ? pal_os_unlinkat(directory, name, AT_REMOVEDIR) : 0;
}

static NTSTATUS rename_handle(HANDLE source, struct target *target)
{
	target->flags = EX_REPLACE | EX_POSIX;
	NTSTATUS status = set_information(source, target, target_size(target), RENAME_EX);
	if (status >= 0)
		return status;
	target->flags = TRUE;
	return set_information(source, target, target_size(target), RENAME);
}

int pal_os_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
	HANDLE source;
	struct target target;
	if (strcmp(from, ".") == 0 || strcmp(to, ".") == 0)
		return fail_as(EBUSY);
	if (!make_target(&target, to_directory, to, 0) || open_existing(from_directory, from, DELETE, 0, &source))
		return -1;
	int result = make_way(source, to_directory, to);
	if (result == 0)
		result = result_of(rename_handle(source, &target));
	int reason = errno;
	CloseHandle(source);
	errno = reason;
	return result;
}

int pal_os_linkat(int from_directory, const char *from, int to_directory, const char *to, int flags)
{
	(void)flags;
	HANDLE source;
	struct target target;
	struct pal_os_stat status;
	if (!make_target(&target, to_directory, to, FALSE) ||
	    open_existing(from_directory, from, FILE_WRITE_ATTRIBUTES, 0, &source))
		return -1;
	int result = stat_handle(source, &status);
	if (result == 0 && S_ISDIR(status.st_mode))
		result = fail_as(EPERM);
	if (result == 0)
		result = result_of(set_information(source, &target, target_size(&target), LINK));
	int reason = errno;
	CloseHandle(source);
	errno = reason;
	return result;
}

int pal_os_symlinkat(const char *target, int directory, const char *name)
{
	struct pal_os_stat status;
	(void)target;
	return fail_as(pal_os_fstatat(directory, name, &status, 0) == 0 ? EEXIST : ENOTSUP);
}

ssize_t pal_os_readlinkat(int directory, const char *name, char *to, size_t size)
{
	struct pal_os_stat status;
	(void)to, (void)size;
	if (pal_os_fstatat(directory, name, &status, 0))
		return -1;
	return fail_as(S_ISLNK(status.st_mode) ? ENOTSUP : EINVAL);
}

/* ---- Lists ---- */

static int give_entry(const FILE_ID_BOTH_DIR_INFO *entry, pal_os_entry *each, void *arg)
{
	char name[NAME_MAX + 1];
	int units = (int)(entry->FileNameLength / sizeof(WCHAR));
	int length = WideCharToMultiByte(CP_UTF8, 0, entry->FileName, units, name, NAME_MAX, NULL, NULL);
	if (length <= 0)
		return 0; /* longer than a name can be */
	name[length] = 0;
	bool directory = entry->FileAttributes & FILE_ATTRIBUTE_DIRECTORY;
	bool link = entry->FileAttributes & FILE_ATTRIBUTE_REPARSE_POINT;
	return each(arg, name, (uint64_t)entry->FileId.QuadPart, link ? PAL_OS_LINK : directory ? PAL_OS_DIRECTORY : PAL_OS_REGULAR);
}

static int give_batch(const uint8_t *batch, pal_os_entry *each, void *arg)
{
	for (;;) {
		const FILE_ID_BOTH_DIR_INFO *entry = (const FILE_ID_BOTH_DIR_INFO *)batch;
		int result = give_entry(entry, each, arg);
		if (result || entry->NextEntryOffset == 0)
			return result;
		batch += entry->NextEntryOffset;
	}
}

int pal_os_list(int directory, pal_os_entry *each, void *arg)
{
	enum { BATCH = 16 * 1024 };
	_Alignas(8) uint8_t batch[BATCH];
	int own = pal_os_openat(directory, ".", O_RDONLY | O_DIRECTORY), result = 0;
	if (own == -1)
		return -1;
	FILE_INFO_BY_HANDLE_CLASS class = FileIdBothDirectoryRestartInfo;
	for (; result == 0; class = FileIdBothDirectoryInfo) {
		if (GetFileInformationByHandleEx(handle_of(own), class, batch, BATCH))
			result = give_batch(batch, each, arg);
		else if (GetLastError() == ERROR_NO_MORE_FILES)
			break;
		else
			result = fail();
	}
	int reason = errno;
	CloseHandle(handle_of(own));
	errno = reason;
	return result;
}

/* ---- Bytes ---- */

/* Reading at an offset moves the handle's position, which must be put back before anybody else uses it. */
enum { LOCKS = 64 };
static SRWLOCK positions[LOCKS];

static SRWLOCK *lock_position(int host)
{
	if (GetFileType(handle_of(host)) != FILE_TYPE_DISK)
		return NULL;
	SRWLOCK *lock = &positions[(unsigned)host / 4 % LOCKS];
	AcquireSRWLockExclusive(lock);
	return lock;
}

static void unlock_position(SRWLOCK *lock)
{
	if (lock)
		ReleaseSRWLockExclusive(lock);
}

static int64_t seek(int host, int64_t offset, DWORD whence)
{
	LARGE_INTEGER by = { .QuadPart = offset }, at;
	return SetFilePointerEx(handle_of(host), by, &at, whence) ? at.QuadPart : fail();
}

int64_t pal_os_lseek(int host, int64_t offset, int whence)
{
	SRWLOCK *lock = lock_position(host);
	int64_t at = seek(host, offset, (DWORD)whence); /* SEEK_… have the numbers of FILE_BEGIN, … */
	unlock_position(lock);
	return at;
}

/* One call, at `offset` unless that is NULL: -1, or how many bytes. The end is 0 bytes. */
static int64_t move_once(int host, bool write, void *bytes, DWORD size, const uint64_t *offset)
{
	OVERLAPPED place = { 0 };
	if (offset) {
		place.Offset = (DWORD)*offset;
		place.OffsetHigh = (DWORD)(*offset >> 32);
	}
	DWORD moved = 0;
	if (write ? WriteFile(handle_of(host), bytes, size, &moved, offset ? &place : NULL)
	          : ReadFile(handle_of(host), bytes, size, &moved, offset ? &place : NULL))
		return moved;
	DWORD error = GetLastError();
	bool end = !write && (error == ERROR_HANDLE_EOF || error == ERROR_BROKEN_PIPE);
	return end ? 0 : fail_with(error);
}

/* As many buffers as there is something for; what was moved before a failure counts. */
static int64_t move(int host, bool write, const struct iovec *iov, int count, const uint64_t *offset)
{
	int64_t done = 0;
	for (int i = 0; i < count; i++) {
		uint64_t at = offset ? (*offset == UINT64_MAX ? *offset : *offset + (uint64_t)done) : 0;
		DWORD size = (DWORD)iov[i].iov_len; /* less than 2^31 in all */
		int64_t moved = move_once(host, write, iov[i].iov_base, size, offset ? &at : NULL);
		if (moved < 0)
			return done ? done : -1;
		done += moved;
		if ((DWORD)moved < size)
			break;
	}
	return done;
}

static ssize_t move_locked(int host, bool write, const struct iovec *iov, int count, const uint64_t *offset, bool keep)
{
	SRWLOCK *lock = lock_position(host);
	int64_t before = keep ? seek(host, 0, FILE_CURRENT) : 0;
	int64_t done = move(host, write, iov, count, offset);
	int reason = errno;
	if (keep && before >= 0)
		seek(host, before, FILE_BEGIN);
	unlock_position(lock);
	errno = reason;
	return done;
}

ssize_t pal_os_readv(int host, const struct iovec *iov, int count)
{
	return move_locked(host, false, iov, count, NULL, false);
}

ssize_t pal_os_writev(int host, const struct iovec *iov, int count)
{
	return move_locked(host, true, iov, count, NULL, false);
}

ssize_t pal_os_preadv(int host, const struct iovec *iov, int count, int64_t offset)
{
	uint64_t at = (uint64_t)offset;
	return move_locked(host, false, iov, count, &at, true);
}

ssize_t pal_os_pwritev(int host, const struct iovec *iov, int count, int64_t offset)
{
	uint64_t at = (uint64_t)offset;
	return move_locked(host, true, iov, count, &at, true);
}

ssize_t pal_os_appendv(int host, const struct iovec *iov, int count)
{
	uint64_t end = UINT64_MAX; /* FILE_WRITE_TO_END_OF_FILE */
	return move_locked(host, true, iov, count, &end, false);
}

int pal_os_ftruncate(int host, int64_t size)
{
	FILE_END_OF_FILE_INFO end = { .EndOfFile.QuadPart = size };
	return SetFileInformationByHandle(handle_of(host), FileEndOfFileInfo, &end, sizeof end) ? 0 : fail();
}

int pal_os_fsync(int host)
{
	if (FlushFileBuffers(handle_of(host)) || GetLastError() == ERROR_ACCESS_DENIED) /* opened for reading */
		return 0;
	return fail();
}

int pal_os_fallocate(int host, int64_t offset, int64_t length)
{
	LARGE_INTEGER size;
	if (!GetFileSizeEx(handle_of(host), &size)) {
		fail();
		return errno;
	}
	if (offset + length <= size.QuadPart) /* checked by the caller */
		return 0;
	return pal_os_ftruncate(host, offset + length) ? errno : 0;
}

/* ---- Waiting ---- */

uint64_t pal_os_readable(int host)
{
	DWORD bytes = 0;
	return PeekNamedPipe(handle_of(host), NULL, 0, NULL, &bytes, NULL) ? bytes : 0;
}

/* Whether a key was pressed that gives a character. */
static bool console_has_input(HANDLE console)
{
	INPUT_RECORD record;
	DWORD count;
	while (PeekConsoleInputW(console, &record, 1, &count) && count > 0) {
		if (record.EventType == KEY_EVENT && record.Event.KeyEvent.bKeyDown && record.Event.KeyEvent.uChar.UnicodeChar)
			return true;
		ReadConsoleInputW(console, &record, 1, &count); /* mice, windows, keys let go */
	}
	return false;
}

static short ready(const struct pollfd *it)
{
	HANDLE host = handle_of(it->fd);
	DWORD type = GetFileType(host), bytes;
	if (type == FILE_TYPE_UNKNOWN && GetLastError() != NO_ERROR)
		return POLLNVAL;
	if (it->events & POLLOUT) /* nobody can tell whether a pipe has room */
		return POLLOUT;
	if (type == FILE_TYPE_PIPE && !PeekNamedPipe(host, NULL, 0, NULL, &bytes, NULL))
		return POLLHUP;
	bool has = type == FILE_TYPE_PIPE ? bytes > 0 : !pal_os_isatty(it->fd) || console_has_input(host);
	return has ? POLLIN : 0;
}

/* Handles of pipes can't be waited for: they are asked in turn, at first often. */
int pal_os_poll(struct pollfd *polls, nfds_t count, int milliseconds)
{
	ULONGLONG begun = GetTickCount64();
	for (DWORD pause = 0;; pause = pause < 10 ? pause + 1 : 10) {
		int found = 0;
		for (nfds_t i = 0; i < count; i++)
			found += (polls[i].revents = ready(&polls[i])) != 0;
		ULONGLONG passed = GetTickCount64() - begun;
		if (found || (milliseconds >= 0 && passed >= (ULONGLONG)milliseconds))
			return found;
		ULONGLONG left = milliseconds < 0 ? 10 : (ULONGLONG)milliseconds - passed;
		if (count == 0)
			Sleep((DWORD)left);
		else
			Sleep(left < pause ? (DWORD)left : pause);
	}
}

/* ---- Clocks and others ---- */

static int64_t ticks_of(FILETIME time)
{
	return (int64_t)((uint64_t)time.dwHighDateTime << 32 | time.dwLowDateTime);
}

int pal_os_clock_gettime(int clock, struct timespec *out)
{
	FILETIME now, made, ended, kernel, user;
	LARGE_INTEGER frequency, count;
	switch (clock) {
	case CLOCK_REALTIME:
		GetSystemTimePreciseAsFileTime(&now);
		*out = time_of(now);
		return 0;
	case CLOCK_MONOTONIC:
		QueryPerformanceFrequency(&frequency);
		QueryPerformanceCounter(&count);
		out->tv_sec = count.QuadPart / frequency.QuadPart;
		out->tv_nsec = (long)(count.QuadPart % frequency.QuadPart * 1000000000 / frequency.QuadPart);
		return 0;
	}
	if (!(clock == CLOCK_PROCESS_CPUTIME_ID ? GetProcessTimes(GetCurrentProcess(), &made, &ended, &kernel, &user)
	                                        : GetThreadTimes(GetCurrentThread(), &made, &ended, &kernel, &user)))
		return fail();
	int64_t ticks = ticks_of(kernel) + ticks_of(user);
	*out = (struct timespec){ .tv_sec = ticks / 10000000, .tv_nsec = (long)(ticks % 10000000) * 100 };
	return 0;
}

int pal_os_clock_getres(int clock, struct timespec *out)
{
	LARGE_INTEGER frequency = { .QuadPart = 10000000 };
	if (clock == CLOCK_MONOTONIC)
		QueryPerformanceFrequency(&frequency);
	/* The clocks of CPU time go on by the scheduler's ticks. */
	bool coarse = clock == CLOCK_PROCESS_CPUTIME_ID || clock == CLOCK_THREAD_CPUTIME_ID;
	*out = (struct timespec){ 0, coarse ? 15625000 : (long)(1000000000 / frequency.QuadPart) };
	return 0;
}

void pal_os_yield(void)
{
	SwitchToThread();
}

bool pal_os_random(void *to, uint32_t size)
{
	return RtlGenRandom(to, size);
}
#endif
typedef int pal_os_windows_is_not_empty; /* ISO C wants a declaration in every file */
