;;; What every script for Emacs begins with.  -*- lexical-binding: t -*-

(package-initialize)
(require 'eglot)
(require 'json)

(defvar seen nil "What is written down for the test.")
(setq eglot-sync-connect t
      eglot-autoshutdown t
      make-backup-files nil
      create-lockfiles nil
      python-indent-guess-indent-offset nil)

(defun finish (problem)
  "Write down what was seen, and end."
  (when problem (push (cons 'problem problem) seen))
  (let ((coding-system-for-write 'utf-8))
    (with-temp-file (getenv "CODETUNE_RESULT") (insert (json-encode seen))))
  (set-buffer-modified-p nil)
  (kill-emacs (if problem 1 0)))

(defun await (what condition)
  "Wait until CONDITION gives a value, and return that."
  (let ((until (+ (float-time) 60)) (value nil))
    (while (and (not (setq value (funcall condition))) (< (float-time) until))
      (accept-process-output nil 0.05))
    (or value (finish (format "waited in vain for %s: %S" what (mapcar #'flymake-diagnostic-text (flymake-diagnostics)))))))

(defun connect ()
  "Open the file and start the server for it."
  (find-file (getenv "CODETUNE_FILE"))
  (add-to-list 'eglot-server-programs (cons 'python-mode (split-string (getenv "CODETUNE_COMMAND") " ")))
  (apply #'eglot--connect (eglot--guess-contact)))

(defun fix-with-model ()
  "Return the entry at point with which a model mends a finding, if it is offered."
  (let ((here (eglot--pos-to-lsp-position (point))))
    (seq-find (lambda (action) (string-prefix-p "Fix with " (plist-get action :title)))
              (jsonrpc-request (eglot--current-server-or-lose) :textDocument/codeAction
                               (list :textDocument (eglot--TextDocumentIdentifier)
                                     :range (list :start here :end here)
                                     :context (list :diagnostics []))
                               :timeout 120))))
