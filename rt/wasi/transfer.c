#include "os.h"
#include "transfer.h"
#include "host_error.h"
#ifndef _WIN32
#include <signal.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: SO_NOSIGPIPE, and the mask below */
#endif

bool pal_wasi_is_nonblocking(struct pal_wasi_file *file)
{
	return atomic_load_explicit(&file->flags, memory_order_relaxed) & WASI_FD_NONBLOCK;
}

int32_t pal_wasi_ready(struct pal_wasi_file *file, short events, bool wait)
{
	bool nonblocking = pal_wasi_is_nonblocking(file);
	if (nonblocking ? !file->shared : !wait)
		return WASI_OK; /* the host's call decides */
	struct pollfd descriptor = { .fd = file->host, .events = events };
	for (;;) {
		int count = poll(&descriptor, 1, nonblocking ? 0 : -1);
		if (count > 0)
			return WASI_OK; /* or an error, which the call itself will tell */
		if (count == 0)
			return WASI_AGAIN;
		if (errno != EINTR)
			return pal_wasi_errno(errno);
	}
}

#ifndef _WIN32
/* What the thread's signal mask was before a write that may raise SIGPIPE. */
struct quiet {
	bool pending; /* a SIGPIPE of somebody else's was already waiting */
	sigset_t pipe, before;
};

static void quiet_begin(struct quiet *quiet)
{
	sigset_t waiting;
	sigemptyset(&quiet->pipe);
	sigaddset(&quiet->pipe, SIGPIPE);
	pthread_sigmask(SIG_BLOCK, &quiet->pipe, &quiet->before);
	/* Only if it was blocked before can one be waiting for this thread. */
	bool blocked = sigismember(&quiet->before, SIGPIPE) == 1;
	quiet->pending = blocked && !sigpending(&waiting) && sigismember(&waiting, SIGPIPE) == 1;
}

/* Takes back the signal our own write raised, and restores the mask. errno is kept. */
static void quiet_end(struct quiet *quiet, bool raised)
{
	int saved = errno;
	sigset_t waiting;
	int signal;
	if (raised && !quiet->pending && !sigpending(&waiting) && sigismember(&waiting, SIGPIPE) == 1)
		sigwait(&quiet->pipe, &signal);
	pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
	errno = saved;
}

/* writev that raises no SIGPIPE: the process belongs to the host. */
static ssize_t write_quietly(int host, const struct iovec *iov, int count)
{
	struct quiet quiet;
	quiet_begin(&quiet);
	ssize_t moved = writev(host, iov, count);
	quiet_end(&quiet, moved < 0 && errno == EPIPE);
	return moved;
}

static ssize_t send_quietly(const struct pal_wasi_transfer *transfer)
{
	struct msghdr message = { .msg_iov = transfer->buffers->iov };
	message.msg_iovlen = (__typeof__(message.msg_iovlen))transfer->buffers->count; /* int or size_t */
	int flags = MSG_NOSIGNAL | (pal_wasi_is_nonblocking(transfer->file) ? MSG_DONTWAIT : 0);
	return sendmsg(transfer->file->host, &message, flags);
}

#endif

#ifdef _WIN32 /* no signals, no sockets; the mode of appending is in our flags alone */
static ssize_t write_once(const struct pal_wasi_transfer *transfer)
{
	struct pal_wasi_file *file = transfer->file;
	const struct pal_wasi_buffers *buffers = transfer->buffers;
	bool appends = atomic_load_explicit(&file->flags, memory_order_relaxed) & WASI_FD_APPEND;
	if (appends && file->type == WASI_TYPE_REGULAR_FILE)
		return pal_os_appendv(file->host, buffers->iov, buffers->count);
	if (transfer->offset >= 0)
		return pwritev(file->host, buffers->iov, buffers->count, transfer->offset);
	return writev(file->host, buffers->iov, buffers->count);
}
#else
static ssize_t write_once(const struct pal_wasi_transfer *transfer)
{
	const struct pal_wasi_file *file = transfer->file;
	const struct pal_wasi_buffers *buffers = transfer->buffers;
	if (transfer->offset >= 0)
		return pwritev(file->host, buffers->iov, buffers->count, transfer->offset);
	if (pal_wasi_is_socket(file))
		return send_quietly(transfer);
	if (file->type == WASI_TYPE_REGULAR_FILE)
		return writev(file->host, buffers->iov, buffers->count);
	return write_quietly(file->host, buffers->iov, buffers->count);
}

#endif

static ssize_t read_once(const struct pal_wasi_transfer *transfer)
{
	const struct pal_wasi_buffers *buffers = transfer->buffers;
	if (transfer->offset >= 0)
		return preadv(transfer->file->host, buffers->iov, buffers->count, transfer->offset);
	return readv(transfer->file->host, buffers->iov, buffers->count);
}

/* Cuts the buffers to what a pipe that polls writable takes without blocking. */
static void trim(struct pal_wasi_buffers *buffers)
{
	size_t left = PIPE_BUF;
	for (int i = 0; i < buffers->count; i++) {
		struct iovec *iov = &buffers->iov[i];
		if (iov->iov_len > left)
			iov->iov_len = left;
		left -= iov->iov_len;
		if (!left) {
			buffers->count = i + 1;
			return;
		}
	}
}

static int32_t move(const struct pal_wasi_transfer *transfer, short events, uint32_t *moved)
{
	bool nonblocking = pal_wasi_is_nonblocking(transfer->file);
	for (;;) {
		ssize_t count = events == POLLIN ? read_once(transfer) : write_once(transfer);
		if (count >= 0) {
			*moved = (uint32_t)count; /* the buffers hold less than 2^31 bytes */
			return WASI_OK;
		}
		int error = errno;
		/* The host may have made stdio non-blocking for itself; the guest was not told. */
		bool again = (error == EAGAIN || error == EWOULDBLOCK) && !nonblocking;
		if (again) {
			int32_t waited = pal_wasi_ready(transfer->file, events, true);
			if (waited)
				return waited;
		} else if (error != EINTR) {
			return pal_wasi_errno(error);
		}
	}
}

int32_t pal_wasi_read(const struct pal_wasi_transfer *transfer, uint32_t *moved)
{
	struct pal_wasi_file *file = transfer->file;
	*moved = 0;
	if (!transfer->buffers->count)
		return WASI_OK;
	/* A FIFO is opened without waiting for a writer, so the first read does; later ones find POLLIN or POLLHUP. */
	int32_t error = transfer->offset < 0 ? pal_wasi_ready(file, POLLIN, file->pipe && !file->shared) : WASI_OK;
	return error ? error : move(transfer, POLLIN, moved);
}

int32_t pal_wasi_write(const struct pal_wasi_transfer *transfer, uint32_t *moved)
{
	struct pal_wasi_file *file = transfer->file;
	*moved = 0;
	if (!transfer->buffers->count)
		return WASI_OK;
	int32_t error = transfer->offset < 0 ? pal_wasi_ready(file, POLLOUT, false) : WASI_OK;
	if (error)
		return error;
	if (file->shared && pal_wasi_is_nonblocking(file) && file->type != WASI_TYPE_REGULAR_FILE && !pal_wasi_is_socket(file))
		trim(transfer->buffers);
	return move(transfer, POLLOUT, moved);
}
