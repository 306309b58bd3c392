/* sock_…, on sockets that the host passes in. */
#define _GNU_SOURCE
#include "guest.h"
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int32_t recv_(int32_t fd, int32_t size, int32_t flags)
{
	return wasi_snapshot_preview1_sock_recv(view, fd, put_iovec(BUFFER, size), 1, flags, RESULT, RESULT + 4);
}

static int32_t send_(int32_t fd, const char *text, int32_t flags)
{
	return wasi_snapshot_preview1_sock_send(view, fd, put_iovec(put_text(text), (int32_t)strlen(text)), 1, flags, RESULT);
}

void socket_stream(void)
{
	int stream[2], datagram[2];
	char text[32];
	MUST(socketpair(AF_UNIX, SOCK_STREAM, 0, stream) == 0 && socketpair(AF_UNIX, SOCK_DGRAM, 0, datagram) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { stream[0], datagram[0], -1 } };
	begin_world_with(&options);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, 0, RESULT), WASI_OK);
	EQUAL(memory[RESULT], WASI_TYPE_SOCKET_STREAM);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, 1, RESULT), WASI_OK);
	EQUAL(memory[RESULT], WASI_TYPE_SOCKET_DGRAM);
	EQUAL(send_(0, "hello", 0), WASI_OK);
	EQUAL(get_u32(RESULT), 5);
	MUST(read(stream[1], text, sizeof text) == 5);
	EQUAL(send_(0, "x", 1), WASI_INVAL); /* no flags are defined */
	MUST(write(stream[1], "answer", 6) == 6);
	EQUAL(recv_(0, 3, WASI_RECV_PEEK), WASI_OK);
	EQUAL(recv_(0, 6, WASI_RECV_WAITALL), WASI_OK);
	EQUAL(get_u32(RESULT), 6);
	EQUAL(get_u16(RESULT + 4), 0);
	CHECK(memcmp(memory + BUFFER, "answer", 6) == 0);
	EQUAL(recv_(0, 6, 4), WASI_INVAL);
	/* Reading and writing as files. */
	EQUAL(write_(0, "file"), WASI_OK);
	MUST(read(stream[1], text, sizeof text) == 4 && write(stream[1], "back", 4) == 4);
	EQUAL(read_(0, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "back") == 0);
	/* A message too long for the buffer is cut. */
	MUST(write(datagram[1], "message", 7) == 7);
	EQUAL(recv_(1, 3, 0), WASI_OK);
	EQUAL(get_u32(RESULT), 3);
	EQUAL(get_u16(RESULT + 4), WASI_RECV_TRUNCATED);
	/* Non-blocking for the guest alone. */
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 0, WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(recv_(0, 3, 0), WASI_AGAIN);
	EQUAL(read_(0, text, sizeof text), WASI_AGAIN);
	/* Shut down. */
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 0, 0), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 0, 4), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 0, WASI_SHUT_WR), WASI_OK);
	EQUAL(send_(0, "x", 0), WASI_PIPE); /* and no signal */
	EQUAL(write_(0, "x"), WASI_PIPE);
	MUST(read(stream[1], text, sizeof text) == 0);
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 0, WASI_SHUT_RD | WASI_SHUT_WR), WASI_OK);
	EQUAL(recv_(0, 3, 0), WASI_OK);
	EQUAL(get_u32(RESULT), 0);
	end_world();
	close(stream[0]), close(stream[1]), close(datagram[0]), close(datagram[1]);
}

void socket_accept(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[8];
	int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	snprintf(address.sun_path, sizeof address.sun_path, "/tmp/wasi.%d", (int)getpid());
	MUST(bind(listener, (struct sockaddr *)&address, sizeof address) == 0 && listen(listener, 4) == 0);
	MUST(connect(client, (struct sockaddr *)&address, sizeof address) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { -1, -1, listener } };
	begin_world_with(&options);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, 2, WASI_FD_APPEND, RESULT), WASI_INVAL);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, 2, WASI_FD_NONBLOCK, -1), WASI_FAULT);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, 2, WASI_FD_NONBLOCK, RESULT), WASI_OK);
	int32_t fd = (int32_t)get_u32(RESULT);
	EQUAL(fd, 4);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_get(view, fd, RESULT), WASI_OK);
	EQUAL(memory[RESULT], WASI_TYPE_SOCKET_STREAM);
	EQUAL(get_u16(RESULT + WASI_FDSTAT_FLAGS), WASI_FD_NONBLOCK);
	EQUAL(recv_(fd, 3, 0), WASI_AGAIN);
	MUST(write(client, "hi", 2) == 2);
	EQUAL(read_(fd, text, sizeof text), WASI_OK);
	CHECK(strcmp(text, "hi") == 0);
	EQUAL(wasi_snapshot_preview1_fd_fdstat_set_flags(view, 2, WASI_FD_NONBLOCK), WASI_OK);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, 2, 0, RESULT), WASI_AGAIN);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, fd, 0, RESULT), WASI_INVAL); /* does not listen */
	end_world();
	close(listener), close(client);
	unlink(address.sun_path);
}

void socket_errors(void)
{
	int ends[2];
	int32_t fd;
	MUST(pipe(ends) == 0);
	pal_wasi_options options = { .use_stdio = 1, .stdio = { ends[0], ends[1], -1 } };
	begin_world_with(&options);
	EQUAL(open_(3, "file", 0, WASI_O_CREAT, 0, &fd), WASI_OK);
	const int32_t others[] = { 0, 1, 3, fd };
	for (int i = 0; i < 4; i++) {
		EQUAL(wasi_snapshot_preview1_sock_shutdown(view, others[i], WASI_SHUT_RD), WASI_NOTSOCK);
		EQUAL(wasi_snapshot_preview1_sock_accept(view, others[i], 0, RESULT), WASI_NOTSOCK);
		EQUAL(recv_(others[i], 1, 0), WASI_NOTSOCK);
		EQUAL(send_(others[i], "x", 0), WASI_NOTSOCK);
	}
	EQUAL(wasi_snapshot_preview1_sock_shutdown(view, 99, WASI_SHUT_RD), WASI_BADF);
	EQUAL(wasi_snapshot_preview1_sock_accept(view, 2, 0, RESULT), WASI_BADF);
	EQUAL(recv_(-1, 1, 0), WASI_BADF);
	EQUAL(send_(77, "x", 0), WASI_BADF);
	end_world();
	close(ends[0]), close(ends[1]);
}
