#include "binding/tasks.h"

#include <string_view>
#include <utility>

#include "binding/run_tasks.h"

namespace connscale::binding {

namespace {

/// Before run(), or when it never ran: the loop is closed.
constexpr SysError kLoopClosed{error::kECANCELED, Call::kNone};
constexpr SysError kConnectionClosed{error::kENOTCONN, Call::kNone};
constexpr SysError kListenerClosed{error::kEBADF, Call::kNone};

class ListenTask : public SettledTask {
 public:
  explicit ListenTask(Fields& fields) {
    config_.spec.address = fields.address("address");
    config_.spec.address.port = static_cast<uint16_t>(fields.u32("port"));
    config_.spec.backlog = static_cast<int32_t>(fields.u32("backlog"));
    config_.spec.reuse_port = fields.flag("reusePort");
    config_.spec.ipv6_only = fields.flag("ipv6Only");
    config_.spec.defer_accept_ms = fields.u32("deferAcceptMs");
    config_.spec.fast_open_queue = fields.u32("fastOpenQueue");
    config_.spec.options = fields.options("options");
    config_.accept.batch = fields.u32("acceptBatch");
    config_.accept.connections_max = fields.u32("maxConnections");
    config_.accept.overload = fields.flag("resetOverload") ? Overload::kReset : Overload::kPause;
    config_.handlers = fields.u32("handlers");
    config_.idle_ticks = static_cast<uint16_t>(fields.u32("idleTimeoutTicks"));
  }
  void run(Engine& engine) override { address_ = engine.listen(config_, &index_); }

 protected:
  Napi::Value outcome(Napi::Env env) override {
    if (!address_.ok()) return to_object(env, address_.failure());
    Napi::Object object = to_object(env, address_.value());
    object.Set("listener", Napi::Number::New(env, index_));
    return object;
  }

 private:
  ListenerConfig config_;
  uint32_t index_ = 0;
  Result<SocketAddress> address_ = kLoopClosed;
};

class CloseListenerTask : public SettledTask {
 public:
  explicit CloseListenerTask(Fields& fields) : index_(fields.u32("listener")) {}
  void run(Engine& engine) override { closed_ = engine.close_listener(index_); }

 protected:
  Napi::Value outcome(Napi::Env env) override { return Napi::Boolean::New(env, closed_); }

 private:
  uint32_t index_;
  bool closed_ = false;
};

class ReportListenerTask : public SettledTask {
 public:
  explicit ReportListenerTask(Fields& fields) : index_(fields.u32("listener")) {}
  void run(Engine& engine) override {
    failure_ = engine.report_listener(index_, &report_) ? SysError{} : kListenerClosed;
  }

 protected:
  Napi::Value outcome(Napi::Env env) override {
    if (failure_.code != 0) return to_object(env, failure_);
    Napi::Object object = Napi::Object::New(env);
    const auto set = [&](const char* name, double value) { object.Set(name, Napi::Number::New(env, value)); };
    set("accepted", static_cast<double>(report_.accepted));
    set("rejected", static_cast<double>(report_.rejected));
    set("failures", static_cast<double>(report_.failures));
    set("pauses", static_cast<double>(report_.pauses));
    set("open", report_.open);
    object.Set("lastFailure", report_.last_failure != 0
                                  ? Napi::String::New(env, error_name(report_.last_failure)).As<Napi::Value>()
                                  : env.Null());
    const auto queue = [&](uint32_t value) {
      return report_.queue.known ? Napi::Number::New(env, value).As<Napi::Value>() : env.Null();
    };
    object.Set("queueDepth", queue(report_.queue.depth));
    object.Set("queueLimit", queue(report_.queue.limit));
    return object;
  }

 private:
  uint32_t index_;
  ListenerReport report_;
  SysError failure_ = kLoopClosed;
};

class OptionTask : public SettledTask {
 public:
  OptionTask(Fields& fields, bool set) : id_(fields.number("id")), set_(set) {
    option_.row = fields.u32("row");
    if (set) option_.value = static_cast<int64_t>(fields.number("value"));
  }
  void run(Engine& engine) override {
    platform::Connection* const connection = engine.io(id_);
    if (connection == nullptr) {
      value_ = kConnectionClosed;
      return;
    }
    const Result<void> set = set_ ? platform::set_option(connection->socket, option_) : Result<void>{};
    // Always the value in force: kernels double and clamp.
    value_ = set.ok() ? platform::get_option(connection->socket, option_.row) : set.failure();
  }

 protected:
  Napi::Value outcome(Napi::Env env) override {
    if (!value_.ok()) return to_object(env, value_.failure());
    return Napi::Number::New(env, static_cast<double>(value_.value()));
  }

 private:
  double id_;
  OptionValue option_;
  bool set_;
  Result<int64_t> value_ = kLoopClosed;
};

class AddressTask : public SettledTask {
 public:
  AddressTask(Fields& fields, bool local) : id_(fields.number("id")), local_(local) {}
  void run(Engine& engine) override {
    const platform::Connection* const connection = engine.io(id_);
    if (connection == nullptr) {
      address_ = kConnectionClosed;
    } else {
      address_ = local_ ? platform::local_address(connection->socket) : platform::remote_address(connection->socket);
    }
  }

 protected:
  Napi::Value outcome(Napi::Env env) override {
    return address_.ok() ? to_object(env, address_.value()) : to_object(env, address_.failure());
  }

 private:
  double id_;
  bool local_;
  Result<SocketAddress> address_ = kLoopClosed;
};

/// Its promise ends when shutting down has begun; kLoopClosed says that it is over.
class ShutdownTask : public SettledTask {
 public:
  explicit ShutdownTask(Fields& fields) : timeout_ms_(fields.u32("timeoutMs")) {}
  void run(Engine& engine) override { engine.begin_shutdown(timeout_ms_); }

 protected:
  Napi::Value outcome(Napi::Env env) override { return env.Undefined(); }

 private:
  uint32_t timeout_ms_;
};

using MakeTask = std::unique_ptr<SettledTask> (*)(Fields&);

template <typename T, auto... Extra>
std::unique_ptr<SettledTask> make(Fields& fields) {
  return std::make_unique<T>(fields, Extra...);
}

struct TaskRow {
  std::string_view name;
  MakeTask make;
};

constexpr TaskRow kTasks[] = {
    {"listen", make<ListenTask>},
    {"closeListener", make<CloseListenerTask>},
    {"reportListener", make<ReportListenerTask>},
    {"setOption", make<OptionTask, true>},
    {"getOption", make<OptionTask, false>},
    {"localAddress", make<AddressTask, true>},
    {"remoteAddress", make<AddressTask, false>},
    {"connectMany", make<ConnectManyTask>},
    {"stopRun", make<StopRunTask>},
    {"shutdown", make<ShutdownTask>},
};

}  // namespace

std::unique_ptr<SettledTask> make_task(Napi::Env env, const std::string& name, const Napi::Value& arguments) {
  for (const TaskRow& row : kTasks) {
    if (row.name != name) continue;
    Fields fields(env, arguments);
    std::unique_ptr<SettledTask> task = row.make(fields);
    return fields.ok() ? std::move(task) : nullptr;
  }
  Napi::TypeError::New(env, "no such task: " + name).ThrowAsJavaScriptException();
  return nullptr;
}

}  // namespace connscale::binding
