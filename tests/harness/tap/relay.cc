#include "tests/harness/tap/relay.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/security/server_credentials.h>
#include <grpcpp/security/tls_certificate_provider.h>
#include <grpcpp/security/tls_certificate_verifier.h>
#include <grpcpp/security/tls_credentials_options.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>
#include <grpcpp/support/byte_buffer.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace vouch::tap {

namespace {

using Metadata = std::vector<std::pair<std::string, std::string>>;

std::string BytesOf(const grpc::ByteBuffer& buffer) {
  std::vector<grpc::Slice> slices;
  std::string out;
  if (!buffer.Dump(&slices).ok()) return out;
  for (const grpc::Slice& slice : slices) {
    out.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
  }
  return out;
}

Metadata Copied(const std::multimap<grpc::string_ref, grpc::string_ref>& metadata) {
  Metadata out;
  for (const auto& [name, value] : metadata) {
    out.emplace_back(std::string(name.data(), name.size()),
                     std::string(value.data(), value.size()));
  }
  return out;
}

// gRPC makes these itself on the other side.
bool IsTransportOwn(absl::string_view name) {
  return absl::StartsWith(name, "grpc-") || absl::StartsWith(name, ":") || name == "user-agent" ||
         name == "te" || name == "content-type";
}

// One call: the server side is this reactor, the client side the one within. Only OnDone of the
// client side finishes the server side, so the outer object outlives the inner.
class Call final : public grpc::ServerGenericBidiReactor {
 public:
  Call(grpc::GenericCallbackServerContext* context, grpc::GenericStub* stub, Recording* recording,
       uint64_t number)
      : context_(context), recording_(recording), number_(number), onward_(this) {
    const Metadata metadata = Copied(context->client_metadata());
    Note(Direction::kToResponder, Kind::kMetadata, MetadataBytes(metadata));
    for (const auto& [name, value] : metadata) {
      if (!IsTransportOwn(name)) client_context_.AddMetadata(name, value);
    }
    client_context_.set_deadline(context->deadline());
    stub->PrepareBidiStreamingCall(&client_context_, context->method(), {}, &onward_);
    onward_.Begin();
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (ok) {
      Note(Direction::kToResponder, Kind::kMessage, BytesOf(request_));
      onward_.Send(&request_);
    } else {
      Note(Direction::kToResponder, Kind::kEnd, "");
      onward_.EndSending();
    }
  }
  void OnWriteDone(bool ok) override {
    if (ok) {
      onward_.ReadNext();
    } else {
      client_context_.TryCancel();
      onward_.StopReading();
    }
  }
  void OnCancel() override { client_context_.TryCancel(); }
  void OnDone() override { delete this; }

 private:
  class Onward final : public grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
   public:
    explicit Onward(Call* call) : call_(call) {}

    void Begin() {
      AddHold();
      StartRead(&call_->response_);
      StartCall();
    }
    void Send(const grpc::ByteBuffer* message) {
      std::lock_guard<std::mutex> lock(mutex_);
      if (open_) StartWrite(message);
    }
    void EndSending() {
      std::lock_guard<std::mutex> lock(mutex_);
      if (open_) StartWritesDone();
    }
    void ReadNext() {
      std::lock_guard<std::mutex> lock(mutex_);
      if (open_) StartRead(&call_->response_);
    }
    void StopReading() {
      {
        std::lock_guard<std::mutex> lock(mutex_);
        if (!open_) return;
        open_ = false;
      }
      RemoveHold();
    }

    void OnReadInitialMetadataDone(bool ok) override {
      if (ok) {
        const Metadata metadata = Copied(call_->client_context_.GetServerInitialMetadata());
        call_->Note(Direction::kToRequester, Kind::kMetadata, MetadataBytes(metadata));
        for (const auto& [name, value] : metadata) {
          if (!IsTransportOwn(name)) call_->context_->AddInitialMetadata(name, value);
        }
      }
      {
        std::lock_guard<std::mutex> lock(mutex_);
        has_metadata_ = true;
        if (!waits_for_metadata_) return;
      }
      HandOn();
    }
    // gRPC may call this first, on another thread; what is written takes the metadata with it.
    void OnReadDone(bool ok) override {
      if (!ok) {
        StopReading();
        return;
      }
      {
        std::lock_guard<std::mutex> lock(mutex_);
        waits_for_metadata_ = !has_metadata_;
        if (waits_for_metadata_) return;
      }
      HandOn();
    }
    void OnWriteDone(bool ok) override {
      if (ok) call_->StartRead(&call_->request_);
    }
    void OnDone(const grpc::Status& status) override {
      Call* const call = call_;
      const Metadata metadata = Copied(call->client_context_.GetServerTrailingMetadata());
      call->Note(Direction::kToRequester, Kind::kTrailing, MetadataBytes(metadata));
      call->Note(Direction::kToRequester, Kind::kStatus,
                 StatusBytes(static_cast<uint32_t>(status.error_code()), status.error_message(),
                             status.error_details()));
      for (const auto& [name, value] : metadata) {
        if (!IsTransportOwn(name)) call->context_->AddTrailingMetadata(name, value);
      }
      // Deletes this object with the call, perhaps before Finish returns.
      call->Finish(status);
    }

   private:
    void HandOn() {
      call_->Note(Direction::kToRequester, Kind::kMessage, BytesOf(call_->response_));
      call_->StartWrite(&call_->response_);
    }

    Call* const call_;
    std::mutex mutex_;
    bool open_ = true;
    bool has_metadata_ = false;
    bool waits_for_metadata_ = false;
  };

  void Note(Direction direction, Kind kind, std::string bytes) {
    recording_->Write(Record{direction, kind, number_, context_->method(), std::move(bytes)});
  }

  grpc::GenericCallbackServerContext* const context_;
  Recording* const recording_;
  const uint64_t number_;
  grpc::ClientContext client_context_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Onward onward_;
};

class RelayService final : public grpc::CallbackGenericService {
 public:
  RelayService(std::shared_ptr<grpc::Channel> channel, Recording* recording)
      : stub_(std::move(channel)), recording_(recording) {}

  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Call(context, &stub_, recording_, ++calls_);
  }

 private:
  grpc::GenericStub stub_;
  Recording* const recording_;
  std::atomic<uint64_t> calls_{0};
};

std::shared_ptr<grpc::Channel> ChannelTo(const RelayOptions& options) {
  grpc::experimental::TlsChannelCredentialsOptions tls;
  tls.set_certificate_provider(std::make_shared<grpc::experimental::StaticDataCertificateProvider>(
      options.responder_anchors_pem,
      std::vector<grpc::experimental::IdentityKeyCertPair>{
          {options.client_key_pem, options.client_certificate_pem}}));
  tls.watch_root_certs();
  tls.watch_identity_key_cert_pairs();
  tls.set_verify_server_certs(true);
  tls.set_check_call_host(false);
  tls.set_certificate_verifier(std::make_shared<grpc::experimental::NoOpCertificateVerifier>());
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(-1);
  arguments.SetMaxSendMessageSize(-1);
  // A connection of its own, and quick to try again when the node behind was restarted.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  return grpc::CreateCustomChannel(options.responder, grpc::experimental::TlsCredentials(tls),
                                   arguments);
}

}  // namespace

struct Relay::Parts {
  std::unique_ptr<RelayService> service;
  std::unique_ptr<grpc::Server> server;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<Relay>> Relay::Start(const RelayOptions& options,
                                                    Recording* recording) {
  auto parts = std::make_unique<Parts>();
  parts->service = std::make_unique<RelayService>(ChannelTo(options), recording);
  grpc::SslServerCredentialsOptions tls(GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options.requester_anchors_pem;
  tls.pem_key_cert_pairs.push_back({options.key_pem, options.certificate_pem});
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::SslServerCredentials(tls), &parts->port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(-1);
  builder.SetMaxSendMessageSize(-1);
  builder.RegisterCallbackGenericService(parts->service.get());
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.listen));
  }
  return std::unique_ptr<Relay>(new Relay(std::move(parts)));
}

Relay::Relay(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Relay::~Relay() {
  parts_->server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(2));
  parts_->server->Wait();
}

int Relay::port() const { return parts_->port; }

}  // namespace vouch::tap
