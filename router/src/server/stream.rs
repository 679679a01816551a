//! A client's stream. It reports arriving and blocked bytes to its [`Connection`], ends when the connection is cut, and
//! closes in a way that lets the client still read its answer.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::connections::Connection;

/// How long a connection that closes before its request was read waits for the client to stop sending.
const LINGER_TIME_MAX: Duration = Duration::from_secs(3);
/// The most bytes that it reads and discards meanwhile.
const LINGER_BYTES_MAX: usize = 64 * 1024 * 1024;

pub(super) struct BoundedStream<S> {
    stream: S,
    connection: Arc<Connection>,
    lingering: Option<LingerState>,
}

struct LingerState {
    deadline: Pin<Box<Sleep>>,
    bytes: usize,
}

impl BoundedStream<TcpStream> {
    pub(super) fn new(stream: TcpStream, connection: Arc<Connection>) -> Self {
        // An answer is written at once, so delaying small packets gains nothing.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::trace!(%error, "cannot set TCP_NODELAY");
        }
        Self {
            stream,
            connection,
            lingering: None,
        }
    }
}

impl<S> BoundedStream<S> {
    fn require_uncut(&self) -> io::Result<()> {
        if self.connection.is_cut() {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }

    fn note_written(&self, written: &Poll<io::Result<usize>>) {
        match written {
            Poll::Ready(Ok(_)) => self.connection.record_write(),
            Poll::Ready(Err(_)) => {}
            Poll::Pending => self.connection.mark_blocked(),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for BoundedStream<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.require_uncut()?;
        let before = buf.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                let bytes = &buf.filled()[before..];
                if !bytes.is_empty() {
                    self.connection.record_read(bytes);
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.connection.reader().register(cx.waker());
                // The connection may have been cut in between.
                self.require_uncut()?;
                Poll::Pending
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for BoundedStream<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.require_uncut()?;
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.note_written(&written);
        if written.is_pending() {
            self.connection.writer().register(cx.waker());
            self.require_uncut()?;
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.require_uncut()?;
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.note_written(&written);
        if written.is_pending() {
            self.connection.writer().register(cx.waker());
            self.require_uncut()?;
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Closes the stream. Closing while the client still sends would reset the connection, and a reset discards the answer
    /// that the client has not read yet (RFC 9112, section 9.6). So this reads and discards the rest of the request, within
    /// limits.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.lingering.is_none() {
            ready!(Pin::new(&mut this.stream).poll_shutdown(cx))?;
            if !this.connection.lingers() || this.connection.is_cut() {
                return Poll::Ready(Ok(()));
            }
        }
        let lingering = this.lingering.get_or_insert_with(|| LingerState {
            deadline: Box::pin(sleep(LINGER_TIME_MAX)),
            bytes: 0,
        });
        let mut discarded = [0; 8 * 1024];
        loop {
            if lingering.deadline.as_mut().poll(cx).is_ready() || lingering.bytes > LINGER_BYTES_MAX {
                return Poll::Ready(Ok(()));
            }
            let mut buf = ReadBuf::new(&mut discarded);
            match ready!(Pin::new(&mut this.stream).poll_read(cx, &mut buf)) {
                Ok(()) if !buf.filled().is_empty() => lingering.bytes += buf.filled().len(),
                Ok(()) | Err(_) => return Poll::Ready(Ok(())),
            }
        }
    }
}

impl<S> Drop for BoundedStream<S> {
    fn drop(&mut self) {
        self.connection.record_closed();
    }
}
