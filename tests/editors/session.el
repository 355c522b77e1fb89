;;; Emacs, batch: open, see the finding, type, save, apply the preferred fix, and say what the buffer holds then.  -*- lexical-binding: t -*-

(package-initialize)
(require 'eglot)
(require 'json)

(defvar seen nil)
(setq eglot-sync-connect t
      eglot-autoshutdown t
      make-backup-files nil
      create-lockfiles nil
      python-indent-guess-indent-offset nil)

(defun finish (problem)
  (when problem (push (cons 'problem problem) seen))
  (let ((coding-system-for-write 'utf-8))
    (with-temp-file (getenv "CODETUNE_RESULT") (insert (json-encode seen))))
  (set-buffer-modified-p nil)
  (kill-emacs (if problem 1 0)))

(defun await (what condition)
  (let ((until (+ (float-time) 20)) (value nil))
    (while (and (not (setq value (funcall condition))) (< (float-time) until))
      (accept-process-output nil 0.05))
    (or value (finish (concat "waited in vain for " what)))))

(defun findings ()
  (flymake-start nil t)
  (mapcar (lambda (finding)
            (list (1- (line-number-at-pos (flymake-diagnostic-beg finding)))
                  (buffer-substring-no-properties (flymake-diagnostic-beg finding) (flymake-diagnostic-end finding))))
          (flymake-diagnostics)))

(condition-case problem
    (progn
      (find-file (getenv "CODETUNE_FILE"))
      (add-to-list 'eglot-server-programs (cons 'python-mode (split-string (getenv "CODETUNE_COMMAND") " ")))
      (apply #'eglot--connect (eglot--guess-contact))
      (let ((opened (await "the finding" (lambda () (let ((now (findings))) (and (= (length now) 1) now))))))
        (push (cons 'opened (car opened)) seen)
        (goto-char (point-min))
        (insert "# é😀 typed above\n")
        (eglot--signal-textDocument/didChange)
        (let ((typed (await "the finding to move"
                            (lambda () (let ((now (findings)))
                                         (and (= (length now) 1) (= (caar now) (1+ (caar opened))) now))))))
          (save-buffer)
          (push (cons 'typed (car typed)) seen)
          (goto-char (point-min))
          (forward-line (caar typed))
          (let* ((here (eglot--pos-to-lsp-position (point)))
                 (preferred
                  (await "a preferred fix"
                         (lambda ()
                           (seq-find (lambda (action) (eq (plist-get action :isPreferred) t))
                                     (jsonrpc-request (eglot--current-server-or-lose) :textDocument/codeAction
                                                      (list :textDocument (eglot--TextDocumentIdentifier)
                                                            :range (list :start here :end here)
                                                            :context (list :diagnostics []))))))))
            (push (cons 'title (plist-get preferred :title)) seen)
            (eglot--apply-workspace-edit (plist-get preferred :edit))
            (eglot--signal-textDocument/didChange)
            (await "the finding to go" (lambda () (null (findings))))
            (save-buffer)
            (push (cons 'buffer (buffer-substring-no-properties (point-min) (point-max))) seen)
            (finish nil)))))
  (error (finish (format "%S" problem))))
