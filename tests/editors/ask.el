;;; Emacs, batch: the page's own lines ask a question about the buffer.  -*- lexical-binding: t -*-

(load (expand-file-name "common.el" (file-name-directory load-file-name)) nil t)
(defvar said nil)

(cl-defmethod eglot-handle-notification :before (_server (_method (eql window/showMessage)) &key message &allow-other-keys)
  (setq said message))

(condition-case problem
    (progn
      (load (getenv "CODETUNE_SNIPPET") nil t)
      (connect)
      (codetune-ask "Why so?")
      (push (cons 'message (await "the message" (lambda () said))) seen)
      (let ((hover (jsonrpc-request (eglot--current-server-or-lose) :textDocument/hover
                                    (eglot--TextDocumentPositionParams) :timeout 60)))
        (push (cons 'hover (plist-get (plist-get hover :contents) :value)) seen))
      (finish nil))
  (error (finish (format "%S" problem))))
