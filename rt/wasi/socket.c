/* sock_accept, sock_recv, sock_send, sock_shutdown, on sockets the host passed in (as stdio) and those accepted from
 * them. */
#include "os.h"
#include "guest.h"
#include "host_error.h"
#include "preview1.h"
#include "rights.h"
#include "transfer.h"

/* Pins a socket that has `right`: NOTSOCK before any word about rights. */
static int32_t use_socket(pal_wasi *wasi, int32_t fd, uint64_t right, struct pal_wasi_file **out)
{
	int32_t error = pal_wasi_pin(wasi, fd, out);
	if (error)
		return error;
	if (!pal_wasi_is_socket(*out))
		error = WASI_NOTSOCK;
	else
		error = pal_wasi_check(*out, right);
	if (error)
		pal_wasi_unpin(*out);
	return error;
}

#ifdef _WIN32 /* nothing is a socket there: what these would do after it is never done */
static int32_t refuse(PAL_WASI_VIEW, int32_t fd, uint64_t right)
{
	struct pal_wasi_file *file;
	int32_t error = use_socket(view->wasi, fd, right, &file);
	if (error)
		return error;
	pal_wasi_unpin(file);
	return WASI_NOTSUP;
}

int32_t wasi_snapshot_preview1_sock_accept(PAL_WASI_VIEW, int32_t fd, int32_t flags, int32_t result)
{
	(void)flags, (void)result;
	return refuse(view, fd, WASI_RIGHT_SOCK_ACCEPT);
}

int32_t wasi_snapshot_preview1_sock_recv(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags,
                                         int32_t size, int32_t oflags)
{
	(void)iovs, (void)count, (void)flags, (void)size, (void)oflags;
	return refuse(view, fd, WASI_RIGHT_FD_READ);
}

int32_t wasi_snapshot_preview1_sock_send(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags,
                                         int32_t size)
{
	(void)iovs, (void)count, (void)flags, (void)size;
	return refuse(view, fd, WASI_RIGHT_FD_WRITE);
}

int32_t wasi_snapshot_preview1_sock_shutdown(PAL_WASI_VIEW, int32_t fd, int32_t how)
{
	(void)how;
	return refuse(view, fd, WASI_RIGHT_SOCK_SHUTDOWN);
}
#else
/* accept with the flags a new descriptor needs. */
static int accept_host(int listener, bool nonblocking)
{
#ifdef __linux__
	return accept4(listener, NULL, NULL, SOCK_CLOEXEC | (nonblocking ? SOCK_NONBLOCK : 0));
#else
	int host = accept(listener, NULL, NULL);
	if (host < 0)
		return host;
	fcntl(host, F_SETFD, FD_CLOEXEC);
	fcntl(host, F_SETFL, nonblocking ? O_NONBLOCK : 0); /* BSDs inherit the listener's */
#ifdef SO_NOSIGPIPE
	setsockopt(host, SOL_SOCKET, SO_NOSIGPIPE, &(int){ 1 }, sizeof(int));
#endif
	return host;
#endif
}

static int32_t accept_on(PAL_WASI_VIEW, struct pal_wasi_file *listener, int32_t flags, int32_t result)
{
	uint32_t fd;
	int32_t error = pal_wasi_room(view, result, 4);
	int host = -1;
	while (!error && host < 0) {
		error = pal_wasi_ready(listener, POLLIN, false);
		if (error)
			return error;
		host = accept_host(listener->host, flags & WASI_FD_NONBLOCK);
		bool again = host < 0 && (errno == EAGAIN || errno == EWOULDBLOCK) && !pal_wasi_is_nonblocking(listener);
		if (again)
			error = pal_wasi_ready(listener, POLLIN, true);
		else if (host < 0 && errno != EINTR)
			error = pal_wasi_errno(errno);
	}
	if (error)
		return error;
	struct pal_wasi_file *file = pal_wasi_file_new(host);
	if (!file)
		return WASI_NOMEM;
	file->flags = (uint16_t)flags;
	pal_wasi_grant_socket(file);
	error = pal_wasi_insert(view->wasi, file, &fd);
	return error ? error : pal_wasi_put_u32(view, result, fd);
}

int32_t wasi_snapshot_preview1_sock_accept(PAL_WASI_VIEW, int32_t fd, int32_t flags, int32_t result)
{
	struct pal_wasi_file *listener;
	int32_t error = use_socket(view->wasi, fd, WASI_RIGHT_SOCK_ACCEPT, &listener);
	if (error)
		return error;
	error = flags & ~WASI_FD_NONBLOCK ? WASI_INVAL : accept_on(view, listener, flags, result);
	pal_wasi_unpin(listener);
	return error;
}

static int32_t receive(PAL_WASI_VIEW, struct pal_wasi_file *file, struct pal_wasi_buffers *buffers,
                       int32_t flags, int32_t size, int32_t oflags)
{
	struct msghdr message = { .msg_iov = buffers->iov };
	message.msg_iovlen = (__typeof__(message.msg_iovlen))buffers->count; /* int or size_t */
	int host = flags & WASI_RECV_PEEK ? MSG_PEEK : 0;
	host |= flags & WASI_RECV_WAITALL ? MSG_WAITALL : 0;
	host |= pal_wasi_is_nonblocking(file) ? MSG_DONTWAIT : 0;
	ssize_t count;
	while ((count = recvmsg(file->host, &message, host)) < 0) {
		bool again = (errno == EAGAIN || errno == EWOULDBLOCK) && !pal_wasi_is_nonblocking(file);
		int32_t error = again ? pal_wasi_ready(file, POLLIN, true) : errno == EINTR ? WASI_OK : pal_wasi_errno(errno);
		if (error)
			return error;
	}
	/* The buffers hold less than 2^31 bytes. */
	int32_t error = pal_wasi_put_u32(view, size, (uint32_t)count);
	return error ? error : pal_wasi_put_u16(view, oflags, message.msg_flags & MSG_TRUNC ? WASI_RECV_TRUNCATED : 0);
}

int32_t wasi_snapshot_preview1_sock_recv(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags,
                                         int32_t size, int32_t oflags)
{
	struct pal_wasi_file *file;
	struct pal_wasi_buffers buffers;
	int32_t error = use_socket(view->wasi, fd, WASI_RIGHT_FD_READ, &file);
	if (error)
		return error;
	error = flags & ~WASI_RECV_ALL ? WASI_INVAL : pal_wasi_room(view, size, 4);
	if (!error)
		error = pal_wasi_room(view, oflags, 2);
	if (!error)
		error = pal_wasi_get_buffers(view, &buffers, iovs, count, true);
	if (!error)
		error = receive(view, file, &buffers, flags, size, oflags);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_sock_send(PAL_WASI_VIEW, int32_t fd, int32_t iovs, int32_t count, int32_t flags,
                                         int32_t size)
{
	struct pal_wasi_file *file;
	struct pal_wasi_buffers buffers;
	uint32_t moved;
	int32_t error = use_socket(view->wasi, fd, WASI_RIGHT_FD_WRITE, &file);
	if (error)
		return error;
	error = flags ? WASI_INVAL : pal_wasi_room(view, size, 4); /* no flags are defined */
	if (!error)
		error = pal_wasi_get_buffers(view, &buffers, iovs, count, false);
	if (!error)
		error = pal_wasi_write(&(struct pal_wasi_transfer){ file, &buffers, -1 }, &moved);
	if (!error)
		error = pal_wasi_put_u32(view, size, moved);
	pal_wasi_unpin(file);
	return error;
}

int32_t wasi_snapshot_preview1_sock_shutdown(PAL_WASI_VIEW, int32_t fd, int32_t how)
{
	static const int hosts[] = { -1, SHUT_RD, SHUT_WR, SHUT_RDWR };
	struct pal_wasi_file *file;
	int32_t error = use_socket(view->wasi, fd, WASI_RIGHT_SOCK_SHUTDOWN, &file);
	if (error)
		return error;
	if (how < WASI_SHUT_RD || how > (WASI_SHUT_RD | WASI_SHUT_WR))
		error = WASI_INVAL;
	else if (shutdown(file->host, hosts[how]))
		error = pal_wasi_errno(errno);
	pal_wasi_unpin(file);
	return error;
}
#endif
