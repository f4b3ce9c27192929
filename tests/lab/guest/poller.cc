// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A client of xenstore as a Go program is one (xe-guest-utilities): /proc/xen/xenbus without
// blocking, epoll that tells of edges only, the same request id in every message. Many reads are on
// their way at once, then a watch. An edge that does not come is a wait of kSilence.
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kSilence = 30'000;  // ms
constexpr int kReads = 200;       // more than the device takes at once

// xen/io/xs_wire.h: struct xsd_sockmsg and the types used here.
struct Header {
  uint32_t type, id, transaction, length;
};
constexpr uint32_t kRead = 2, kWatch = 4, kWatchEvent = 15;

[[noreturn]] void fail(const char* what) {
  std::printf("poller: %s (%s)\n", what, std::strerror(errno));
  std::exit(1);
}

class Client {
 public:
  Client()
      : file_(open("/proc/xen/xenbus", O_RDWR | O_NONBLOCK | O_CLOEXEC)), epoll_(epoll_create1(0)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | static_cast<uint32_t>(EPOLLET);
    if (file_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, file_, &event) != 0)
      fail("cannot poll /proc/xen/xenbus");
  }
  void ask(uint32_t type, const std::string& body) {
    const Header header{type, 0, 0, static_cast<uint32_t>(body.size())};
    unsent_.append(reinterpret_cast<const char*>(&header), sizeof(header)).append(body);
  }
  // The next message; what is unsent goes out meanwhile.
  std::string next(uint32_t* type) {
    while (!whole()) {
      if (!send() && !receive()) wait();
    }
    Header header;
    std::memcpy(&header, unread_.data(), sizeof(header));
    std::string body = unread_.substr(sizeof(header), header.length);
    unread_.erase(0, sizeof(header) + header.length);
    *type = header.type;
    return body;
  }

 private:
  bool whole() const {
    Header header;
    if (unread_.size() < sizeof(header)) return false;
    std::memcpy(&header, unread_.data(), sizeof(header));
    return unread_.size() >= sizeof(header) + header.length;
  }
  bool send() {
    if (unsent_.empty()) return false;
    const ssize_t done = write(file_, unsent_.data(), unsent_.size());
    if (done < 0 && errno != EAGAIN) fail("write");
    if (done > 0) unsent_.erase(0, static_cast<size_t>(done));
    return done > 0;
  }
  bool receive() {
    char piece[4096];
    const ssize_t done = read(file_, piece, sizeof(piece));
    if (done == 0 || (done < 0 && errno != EAGAIN)) fail("read");
    if (done > 0) unread_.append(piece, static_cast<size_t>(done));
    return done > 0;
  }
  void wait() {
    epoll_event event;
    if (epoll_wait(epoll_, &event, 1, kSilence) != 1) fail("no edge came");
  }
  int file_, epoll_;
  std::string unsent_, unread_;
};

std::string terminated(const char* text) { return std::string(text) + '\0'; }

}  // namespace

// poller NODE VALUE: reads NODE, which must be VALUE each time; then tells of two events of a watch
// on it, of which the first is the watch's own.
int main(int, char** arguments) {
  const char* node = arguments[1];
  Client client;
  uint32_t type = 0;
  for (int i = 0; i < kReads; i++) client.ask(kRead, terminated(node));
  for (int i = 0; i < kReads; i++) {
    if (client.next(&type) != arguments[2] || type != kRead) fail("another value");
  }
  client.ask(kWatch, terminated(node) + terminated("token"));
  for (int events = 0; events < 2;) {
    const std::string body = client.next(&type);
    if (type == kWatchEvent && body != terminated(node) + terminated("token"))
      fail("another event");
    if (type == kWatchEvent) events++;
    if (type == kWatchEvent && events == 1) {
      std::printf("watching\n");
      std::fflush(stdout);
    }
  }
  std::printf("%d reads, 2 events\n", kReads);
  return 0;
}
