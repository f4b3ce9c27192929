// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The lab's hand inside a guest: takes one shell script per TCP connection, runs it as root, and gives back its output
// and exit status. Static and small, because an HVM guest loads its initramfs through an emulated option ROM.
//
// Protocol: the client sends the script's length as 8 decimal digits, the script, then whatever the script shall read on
// stdin until it half-closes; the agent sends the script's output and, last, 8 bytes "PVRCnnnn" with the exit status.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum { port = 7777, header = 8, script_limit = 1 << 20 };

static int read_all(int fd, char *to, size_t n) {
    for (size_t got = 0; got < n;) {
        ssize_t r = read(fd, to + got, n - got);
        if (r <= 0)
            return -1;
        got += (size_t)r;
    }
    return 0;
}

// The script goes into an unnamed file, so that it needs no place on any disk under test.
static int receive_script(int conn) {
    char digits[header + 1] = {0};
    if (read_all(conn, digits, header))
        return -1;
    long length = strtol(digits, NULL, 10);
    if (length <= 0 || length > script_limit)
        return -1;
    char *text = malloc((size_t)length);
    int fd = memfd_create("script", 0);
    if (!text || fd < 0 || read_all(conn, text, (size_t)length) || write(fd, text, (size_t)length) != length)
        return -1;
    free(text);
    return fd;
}

static void run_script(int conn, int script) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", script);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    dup2(conn, 0);
    dup2(conn, 1);
    dup2(conn, 2);
    close(conn);
    execl("/bin/sh", "sh", path, (char *)NULL);
    _exit(127);
}

static void serve(int conn) {
    int status = 0, script = receive_script(conn);
    if (script < 0)
        return;
    pid_t child = fork();
    if (child == 0)
        run_script(conn, script);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return;
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    dprintf(conn, "PVRC%04d", code);
    shutdown(conn, SHUT_WR);
}

int main(void) {
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    int one = 1, listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    signal(SIGPIPE, SIG_IGN);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(listener, (struct sockaddr *)&any, sizeof any) || listen(listener, 8)) {
        perror("agent");
        return 1;
    }
    for (;;) {
        int conn = accept(listener, NULL, NULL);
        while (waitpid(-1, NULL, WNOHANG) > 0)
            ;
        if (conn < 0)
            continue;
        if (fork() == 0) {
            close(listener);
            serve(conn);
            _exit(0);
        }
        close(conn);
    }
}
