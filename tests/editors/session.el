;;; Emacs, batch: open, see the finding, type, save, apply the preferred fix, and say what the buffer holds then.  -*- lexical-binding: t -*-

(load (expand-file-name "common.el" (file-name-directory load-file-name)) nil t)

(defun findings ()
  (flymake-start nil t)
  (mapcar (lambda (finding)
            (list (1- (line-number-at-pos (flymake-diagnostic-beg finding)))
                  (buffer-substring-no-properties (flymake-diagnostic-beg finding) (flymake-diagnostic-end finding))))
          (flymake-diagnostics)))

(condition-case problem
    (progn
      (connect)
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
