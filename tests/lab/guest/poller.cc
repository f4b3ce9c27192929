// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A client of xenstore as a Go program is one (xe-guest-utilities): /proc/xen/xenbus without
// blocking, epoll that tells of edges only, the same request id in every message. Many reads are on
// their way at once, then a watch. An edge that does not come is a wait of kSilence.
//
// And what xenstore's own tools never do: a client that reads too late, one that writes on and on,
// clients that end in the midst of all, and a crowd of them while nobody answers.
#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

constexpr int kSilence = 30'000;  // ms
constexpr int kReads = 200;       // more than the device takes at once
constexpr int kChanges = 300;     // more events than it keeps
constexpr int kRounds = 3;
constexpr int kClients = 10;  // each leaves so much open; of all of it xenstored refuses the most
constexpr int kBegun = 5, kWatches = 40;
constexpr int kAnswered = 10'000;  // us, after which a request has its answer
constexpr int kSettled = 1;        // s, after which an event is where a read finds it

constexpr int kCrowd = 2000,
              kAsked = 16;          // clients, and what each asks for: as much as a device takes
constexpr size_t kWhole = 1 << 20;  // more than is unsent
constexpr const char* kDevice = "/proc/xen/xenbus";
constexpr int kMode = O_RDWR | O_NONBLOCK | O_CLOEXEC;

// xen/io/xs_wire.h: struct xsd_sockmsg and the types used here.
struct Header {
  uint32_t type, id, transaction, length;
};
constexpr uint32_t kRead = 2, kWatch = 4, kBegin = 6, kWrite = 11, kWatchEvent = 15;

[[noreturn]] void fail(const char* what) {
  std::printf("poller: %s (%s)\n", what, std::strerror(errno));
  std::exit(1);
}

class Client {
 public:
  Client() : Client(open(kDevice, kMode)) {}
  explicit Client(int file) : file_(file), epoll_(epoll_create1(0)) {
    epoll_event event{};
    event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | static_cast<uint32_t>(EPOLLET);
    if (file_ < 0 || epoll_ctl(epoll_, EPOLL_CTL_ADD, file_, &event) != 0)
      fail("cannot poll /proc/xen/xenbus");
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    close(epoll_);
    close(file_);
  }
  void ask(uint32_t type, const std::string& body) {
    const Header header{type, 0, 0, static_cast<uint32_t>(body.size())};
    unsent_.append(reinterpret_cast<const char*>(&header), sizeof(header)).append(body);
  }
  // Of what is unsent at most `most` bytes. False: the device takes nothing now.
  bool send(size_t most) {
    const ssize_t done = write(file_, unsent_.data(), std::min(most, unsent_.size()));
    if (done < 0 && errno != EAGAIN) fail("write");
    if (done > 0) unsent_.erase(0, static_cast<size_t>(done));
    return done > 0;
  }
  bool sent() const { return unsent_.empty(); }
  // The next message; what is unsent goes out meanwhile.
  std::string next(uint32_t* type) {
    while (lacking() != 0) {
      const bool moved = !sent() && send(unsent_.size());
      if (!moved && !receive(kPiece)) wait();
    }
    return first(type);
  }
  // The same, and what is behind it stays with the device.
  std::string next_alone(uint32_t* type) {
    while (lacking() != 0) {
      if (!receive(lacking())) wait();
    }
    return first(type);
  }

 private:
  static constexpr size_t kPiece = 4096;
  std::string first(uint32_t* type) {
    Header header;
    std::memcpy(&header, unread_.data(), sizeof(header));
    std::string body = unread_.substr(sizeof(header), header.length);
    unread_.erase(0, sizeof(header) + header.length);
    *type = header.type;
    return body;
  }
  // Bytes of the first message, as far as its length is known.
  size_t lacking() const {
    Header header;
    if (unread_.size() < sizeof(header)) return sizeof(header) - unread_.size();
    std::memcpy(&header, unread_.data(), sizeof(header));
    const size_t whole = sizeof(header) + header.length;
    return whole - std::min(whole, unread_.size());
  }
  bool receive(size_t most) {
    char piece[kPiece];
    const ssize_t done = read(file_, piece, std::min(most, sizeof(piece)));
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

// Reads NODE, which must be VALUE each time; then tells of two events of a watch on it, of which
// the first is the watch's own.
void read_and_watch(const char* node, const char* value) {
  Client client;
  uint32_t type = 0;
  for (int i = 0; i < kReads; i++) client.ask(kRead, terminated(node));
  for (int i = 0; i < kReads; i++) {
    if (client.next(&type) != value || type != kRead) fail("another value");
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
}

// Asks without reading, and slowly, so that what fills the device up is answers. It says when it
// takes no more, and takes the rest when the answers are read.
void read_when_full(const char* node, const char* value) {
  Client client;
  uint32_t type = 0;
  const std::string body = terminated(node);
  for (int i = 0; i < kReads; i++) client.ask(kRead, body);
  while (client.send(sizeof(Header) + body.size())) usleep(kAnswered);
  if (client.sent()) fail("it took all");
  for (int i = 0; i < kReads; i++) {
    if (client.next(&type) != value || type != kRead) fail("another value");
  }
  std::printf("%d reads of a full device\n", kReads);
}

// Returns when the events are there too.
void change(Client& writer, const std::string& node, int times) {
  uint32_t type = 0;
  for (int i = 0; i < times; i++) writer.ask(kWrite, node + '\0' + "1");
  for (int i = 0; i < times; i++) {
    writer.next(&type);
    if (type != kWrite) fail("a write is refused");
  }
  sleep(kSettled);
}

// A watch on NODE is not read while much changes below it, then one message at a time. Each time a
// change was missed, and the one after it finds the place of what was read. In the end there must
// be an event that says NODE itself.
void read_too_late(const std::string& node) {
  Client reader, writer;
  uint32_t type = 0;
  reader.ask(kWatch, node + '\0' + terminated("token"));
  reader.next(&type);
  reader.next(&type);  // its answer and its first event
  change(writer, node + "/noise", kChanges);
  for (int i = 0; i < kRounds; i++) {
    change(writer, node + "/missed", 1);
    reader.next_alone(&type);
    if (type != kWatchEvent) fail("no event");
    change(writer, node + "/noise", 1);
  }
  // What is unread keeps nobody from asking.
  reader.ask(kRead, node + "/noise" + '\0');
  for (bool told = false, answered = false; !told || !answered;) {
    const std::string body = reader.next(&type);
    told |= type == kWatchEvent && body == node + '\0' + terminated("token");
    answered |= type == kRead && body == "1";
  }
  std::printf("told of what was missed\n");
}

// One client after another leaves transactions and watches open, without an answer to its last
// ones. The next one is refused nothing.
void leave_open(const std::string& node) {
  for (int i = 0; i < kClients; i++) {
    Client client;
    uint32_t type = 0;
    for (int j = 0; j < kBegun; j++) client.ask(kBegin, terminated(""));
    for (int j = 0; j < kWatches; j++)
      client.ask(kWatch, node + '\0' + terminated(std::to_string(j).c_str()));
    for (int answers = 0; answers < kBegun + kWatches - 1;) {
      client.next(&type);
      if (type != kBegin && type != kWatch && type != kWatchEvent) fail("refused");
      if (type != kWatchEvent) answers++;
    }
  }
  std::printf("%d clients left all open\n", kClients);
}

// While xenstored stands still one client after another asks for watches and goes, until one is not
// let in.
void come_and_go(const std::string& node) {
  for (int i = 0; i < kCrowd; i++) {
    const int file = open(kDevice, kMode);
    if (file < 0 && errno == EAGAIN) {
      std::printf("%d clients came and went\n", i);
      return;
    }
    Client client(file);
    for (int j = 0; j < kAsked; j++)
      client.ask(kWatch, node + '\0' + terminated(std::to_string(j).c_str()));
    while (!client.sent()) {
      if (!client.send(kWhole)) fail("a watch is not taken");
    }
  }
  fail("all were let in");
}

}  // namespace

// poller NODE VALUE, poller full NODE VALUE, poller late NODE, poller leave NODE, poller crowd NODE
int main(int, char** arguments) {
  if (std::strcmp(arguments[1], "late") == 0) {
    read_too_late(arguments[2]);
  } else if (std::strcmp(arguments[1], "full") == 0) {
    read_when_full(arguments[2], arguments[3]);
  } else if (std::strcmp(arguments[1], "leave") == 0) {
    leave_open(arguments[2]);
  } else if (std::strcmp(arguments[1], "crowd") == 0) {
    come_and_go(arguments[2]);
  } else {
    read_and_watch(arguments[1], arguments[2]);
  }
  return 0;
}
