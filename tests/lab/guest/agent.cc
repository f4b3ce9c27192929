// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The lab's hand inside a guest: takes one shell script per TCP connection, runs it as root, and
// gives back its output and exit status. Static and small, without the C++ library: it is the
// largest thing in the guest's initramfs beside busybox.
//
// Protocol: the client sends the script's length as 8 decimal digits, the script, then whatever
// the script shall read on stdin until it half-closes; the agent sends the script's output and,
// last, 8 bytes "PVRCnnnn" with the exit status.
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr uint16_t kPort = 7777;
constexpr size_t kHeader = 8;
constexpr long kScriptLimit = 1 << 20;

bool read_all(int fd, char* to, size_t count) {
  for (size_t got = 0; got < count;) {
    const ssize_t more = read(fd, to + got, count - got);
    if (more <= 0) return false;
    got += static_cast<size_t>(more);
  }
  return true;
}

// Into an unnamed file, so that the script needs no place on any disk under test.
int receive_script(int connection) {
  char digits[kHeader + 1] = {};
  if (!read_all(connection, digits, kHeader)) return -1;
  const long length = strtol(digits, nullptr, 10);
  if (length <= 0 || length > kScriptLimit) return -1;
  const auto size = static_cast<size_t>(length);
  char* text = static_cast<char*>(malloc(size));
  const int file = memfd_create("script", 0);
  const bool stored = text != nullptr && file >= 0 && read_all(connection, text, size) &&
                      write(file, text, size) == length;
  free(text);
  return stored ? file : -1;
}

[[noreturn]] void run_script(int connection, int script) {
  char path[32];
  snprintf(path, sizeof path, "/proc/self/fd/%d", script);
  setsid();
  signal(SIGPIPE, SIG_DFL);
  for (int standard = 0; standard < 3; ++standard) dup2(connection, standard);
  close(connection);
  execl("/bin/sh", "sh", path, static_cast<char*>(nullptr));
  _exit(127);
}

void serve(int connection) {
  const int script = receive_script(connection);
  if (script < 0) return;
  const pid_t child = fork();
  if (child == 0) run_script(connection, script);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return;
  dprintf(connection, "PVRC%04d", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  shutdown(connection, SHUT_WR);
}

int listen_everywhere() {
  sockaddr_in any{};
  any.sin_family = AF_INET;
  any.sin_port = htons(kPort);
  const int one = 1;
  const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0) return -1;
  return listen(listener, 8) == 0 ? listener : -1;
}

}  // namespace

int main() {
  signal(SIGPIPE, SIG_IGN);
  const int listener = listen_everywhere();
  if (listener < 0) {
    perror("agent");
    return 1;
  }
  for (;;) {
    const int connection = accept(listener, nullptr, nullptr);
    while (waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (connection < 0) continue;
    if (fork() == 0) {
      close(listener);
      serve(connection);
      _exit(0);
    }
    close(connection);
  }
}
